#!/usr/bin/env bash
# Makes a kind cluster with machines around it, and a file of the arguments that the e2e suite needs there.
# Usage: e2e/kind/up.sh [IMAGE]     IMAGE of Ferrite is built when docker does not have it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
state=${FERRITE_KIND_STATE:-$here/state}
image=${1:-ferrite/ferrite:e2e}
app=ferrite-e2e-app:e2e
machine=ferrite-e2e-machine:e2e
frr=quay.io/frrouting/frr:10.5.3
metallb=https://raw.githubusercontent.com/metallb/metallb/v0.16.1/config/manifests/metallb-native.yaml
router_asn=64500
node_asn=64501

for program in docker kind kubectl helm python3; do
  command -v "$program" >/dev/null || { echo "up.sh: $program is not on the PATH" >&2; exit 2; }
done
mkdir -p "$state/frr"

docker image inspect "$image" >/dev/null 2>&1 || docker build --tag "$image" "$root"
docker build --tag "$app" "$root/e2e/app"
docker build --tag "$machine" - <<'EOF'
FROM docker.io/library/debian:bookworm-slim
RUN apt-get update -q && apt-get install -qy --no-install-recommends curl python3 && rm -rf /var/lib/apt/lists/*
CMD ["sleep", "infinity"]
EOF

kind create cluster --name ferrite --config "$here/kind.yaml" --kubeconfig "$state/kubeconfig" --wait 5m
kind load docker-image --name ferrite "$image" "$app"

# docker gives addresses from the beginning of a subnet, so a pool at its end is free.
networks=$(
  docker network inspect kind --format '{{range .IPAM.Config}}{{println .Subnet}}{{end}}' | python3 -c '
import ipaddress, sys
networks = sorted(map(ipaddress.ip_network, sys.stdin.read().split()), key=lambda network: network.version)
for network in networks:
    last = network.broadcast_address
    print(network, f"{last - 60}-{last - 10}")
'
)
read -r subnet4 pool4 subnet6 pool6 <<<"${networks//$'\n'/ }"

# The router takes a session from every node; so it need not know them.
cat >"$state/frr/daemons" <<'EOF'
bgpd=yes
bfdd=yes
EOF
echo "service integrated-vtysh-config" >"$state/frr/vtysh.conf"
cat >"$state/frr/frr.conf" <<EOF
hostname router
router bgp $router_asn
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 neighbor nodes4 peer-group
 neighbor nodes4 remote-as $node_asn
 neighbor nodes4 advertisement-interval 0
 neighbor nodes6 peer-group
 neighbor nodes6 remote-as $node_asn
 neighbor nodes6 advertisement-interval 0
 bgp listen range $subnet4 peer-group nodes4
 bgp listen range $subnet6 peer-group nodes6
 address-family ipv4 unicast
  neighbor nodes4 activate
  maximum-paths 8
 exit-address-family
 address-family ipv6 unicast
  neighbor nodes4 activate
  neighbor nodes6 activate
  maximum-paths 8
 exit-address-family
EOF
docker create --name ferrite-router --network kind --cap-add NET_ADMIN --cap-add SYS_ADMIN "$frr"
docker cp "$state/frr/." ferrite-router:/etc/frr/
docker start ferrite-router

# One machine on the nodes' LAN; one that has the router's routes, and its address, so nodes need no route back.
docker run --detach --name ferrite-client --network kind "$machine"
docker run --detach --name ferrite-remote --network container:ferrite-router "$machine"

router4=$(docker inspect ferrite-router --format '{{.NetworkSettings.Networks.kind.IPAddress}}')
router6=$(docker inspect ferrite-router --format '{{.NetworkSettings.Networks.kind.GlobalIPv6Address}}')
cat >"$state/arguments" <<EOF
--kubeconfig=$state/kubeconfig
--image=$image
--app-image=$app
--client=docker exec -i ferrite-client
--remote=docker exec -i ferrite-remote
--router=docker exec -i ferrite-router
--router-address=$router4
--router-address=$router6
--router-asn=$router_asn
--stop-node=docker kill {node}
--start-node=docker start {node}
--pool4=$pool4
--pool6=$pool6
--bgp-pool4=198.51.100.0/24
--bgp-pool6=2001:db8:100::/120
--metallb=$metallb
EOF
echo "Now run: .venv/bin/pytest e2e @${state#"$PWD/"}/arguments"
