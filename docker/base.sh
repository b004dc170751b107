#!/bin/sh
# Writes a minimal Debian's root file system, as a tar archive, to standard output: a base image for machines on which
# no image registry answers. What it does is told on standard error.
#
#     sudo docker/base.sh | docker import - keelhaul-base:bookworm
#
# It needs root and debootstrap, half a minute and 400 MB below TMPDIR (default /tmp), which it gives back.
# KEELHAUL_MIRROR: where the packages come from. Unset: the mirror that this machine's own apt uses if it is a Debian,
# else Debian's default.
set -eu

SUITE=bookworm
DEFAULT_MIRROR=http://deb.debian.org/debian

say() { echo "base.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

own_mirror() {
    # The label tells the main archive from the security archive and from other people's.
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Identifier: Packages' 2>/dev/null \
        | sed -n 's/^Debian \(http[^ ]*\)$/\1/p' | head -n 1
}

[ ! -t 1 ] || fail "standard output is a terminal; pipe it into: docker import - keelhaul-base:$SUITE"
[ "$(id -u)" = 0 ] || fail "debootstrap needs root; run this with sudo"
command -v debootstrap >/dev/null || fail "debootstrap is not installed; on Debian and Ubuntu: apt-get install debootstrap"

mirror=${KEELHAUL_MIRROR:-$(own_mirror)}
mirror=${mirror:-$DEFAULT_MIRROR}
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 1' HUP INT TERM

say "making a minimal Debian $SUITE with debootstrap, from $mirror (about half a minute)"
debootstrap --variant=minbase "$SUITE" "$root" "$mirror" >&2

# What an image has no use for: package lists, downloaded packages, manuals. Licences stay.
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/* \
    "$root"/usr/share/man "$root"/usr/share/info "$root"/usr/share/locale
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -type l ! -name copyright -delete
mkdir -p "$root/usr/share/man/man1" "$root/var/log"

say "packing it"
tar --create --directory "$root" --numeric-owner --one-file-system \
    --exclude './proc/*' --exclude './sys/*' --exclude './dev/*' --file - .
say "done"
