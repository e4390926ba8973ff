# agenthub-perf in an image: docker build -t agenthub-perf .
# Results land in /work: docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" agenthub-perf run -H … --allow-host …

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock README.md LICENSE ./
# Named in Cargo.toml, so they have to be there.
COPY benches benches
COPY scenarios scenarios
COPY templates templates
COPY src src
RUN cargo install --locked --path . --root /out

FROM debian:bookworm-slim
# The certificates that https hosts are checked by.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/bin/agenthub-perf /usr/local/bin/agenthub-perf
COPY --from=build /build/scenarios /usr/share/agenthub-perf/scenarios
RUN useradd --create-home --home-dir /work --uid 10001 perf
USER 10001
WORKDIR /work
ENTRYPOINT ["agenthub-perf"]
CMD ["--help"]
