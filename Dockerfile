# A small image of kbench, which runs as nobody:
#
#   docker build -t kbench .
#   docker run --rm --network host -v "$PWD/results:/results" kbench run scenarios/peak.toml -b HOST:9092
FROM rust:1-slim-bookworm AS build
# librdkafka is C, and the TLS that comes with it is configured by Perl.
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends build-essential perl >/dev/null \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /kbench
COPY Cargo.toml Cargo.lock build.rs ./
COPY src src
COPY benches benches
COPY scenarios scenarios
RUN cargo build --profile dist --features tls --locked && strip -o /kbench/stripped target/dist/kbench

FROM debian:bookworm-slim
COPY --from=build /kbench/stripped /usr/local/bin/kbench
COPY scenarios /scenarios
# Anybody may write results, whoever the container runs as.
RUN mkdir -m 1777 /results
USER 65534:65534
ENTRYPOINT ["kbench"]
CMD ["--help"]
