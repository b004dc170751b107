# The image that a node, and the holder of a node's network, run in: Debian's Python, iptables and tc, and nodes/.
# The build context is the folder that holds docker/ and nodes/. Docker's classic builder is enough.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends iproute2 iptables python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log \
 && mkdir /data

ENV PYTHONPATH=/opt/keelhaul PYTHONUNBUFFERED=1
WORKDIR /data
ENTRYPOINT ["python3", "-m", "keelhaul.nodes.host"]

# Last, so that a change of the nodes' code costs a few seconds and no download.
COPY nodes /opt/keelhaul/keelhaul/nodes
RUN python3 -m compileall -q /opt/keelhaul
