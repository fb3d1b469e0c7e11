# Every program in one build, and an image of its own for each:
#
#   docker build --target leaky-service .     # or loadgen, detector, leaklab
#
# The images hold a program, the C library and nothing else: no shell, no package manager, no root.
FROM rust:1.95-bookworm AS build
WORKDIR /src

# The dependencies alone, with nothing of ours but names: as long as no manifest changes, this is not done again.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY leaky-service/Cargo.toml leaky-service/
COPY loadgen/Cargo.toml loadgen/
COPY detector/Cargo.toml detector/
COPY lab/Cargo.toml lab/
COPY stack/probe/Cargo.toml stack/probe/
RUN for crate in leaky-service loadgen detector lab stack/probe; do \
        mkdir $crate/src && echo 'fn main() {}' >$crate/src/main.rs && touch $crate/src/lib.rs || exit 1; \
    done && \
    rm stack/probe/src/lib.rs && \
    mkdir detector/benches && echo 'fn main() {}' >detector/benches/throughput.rs && \
    cargo build --locked --release --workspace --bins

# Sources are older than what was just built of their names, so cargo would not look at them. Only the service is to
# tell lines from one another; the others need no debug information. `true` is what the leak `children` starts. What only this
# step has built is of no use to a later one, and large.
COPY . .
RUN find leaky-service loadgen detector lab stack/probe -name '*.rs' -exec touch {} + && \
    cargo build --locked --release --workspace --bins && \
    mkdir -p /out/base/bin /out/base/etc /out/base/var /out/owned/data && \
    mkdir -m 1777 /out/base/tmp /out/base/var/tmp && \
    echo 'hosts: files dns' >/out/base/etc/nsswitch.conf && \
    cp target/release/probe /bin/true /out/base/bin/ && \
    strip /out/base/bin/probe && \
    cp target/release/leaky-service target/release/leaklab target/release/loadgen target/release/detector /out/ && \
    strip /out/loadgen /out/detector && \
    for library in $(ldd /bin/true /out/leaky-service /out/leaklab /out/loadgen /out/detector | grep -o '/[^ ]*[0-9] ' | sort -u); do \
        mkdir -p /out/base${library%/*} && cp -L $library /out/base$library || exit 1; \
    done && \
    rm -r target

FROM scratch AS base
COPY --from=build /out/base /
ENV PATH=/bin
# Nobody in particular; numeric, because there are no names in here.
USER 65532:65532

FROM base AS leaky-service
COPY --from=build /out/leaky-service /bin/leaky-service
EXPOSE 8080
ENTRYPOINT ["/bin/leaky-service"]
CMD ["--listen", "0.0.0.0:8080"]

FROM base AS loadgen
COPY --from=build /out/loadgen /bin/loadgen
EXPOSE 9464
ENTRYPOINT ["/bin/loadgen"]
CMD ["--help"]

FROM base AS detector
COPY --from=build /out/detector /bin/detector
COPY --from=build --chown=65532:65532 /out/owned /
WORKDIR /data
EXPOSE 9477
ENTRYPOINT ["/bin/detector"]
CMD ["--help"]

FROM base AS leaklab
COPY --from=build /out/leaklab /bin/leaklab
COPY --from=build --chown=65532:65532 /out/owned /
WORKDIR /data
ENTRYPOINT ["/bin/leaklab"]
CMD ["--help"]
