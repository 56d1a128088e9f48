# The gateway for production, with PostgreSQL (and Redis) beside it: docker/compose.yaml. Build it from the root of the repository:
#   docker build -f docker/gateway.Dockerfile -t switchboard-gateway .

FROM node:20-bookworm-slim AS build
WORKDIR /switchboard
COPY . .
# Everything from the npm registry; nothing else is downloaded.
RUN npm ci --no-audit --no-fund
RUN node scripts/build.mjs --filter=@switchboard/gateway
# What runs: no development tools and none of the optional packages (the embedded PostgreSQL, Prisma's own tools), but for the one
# that reads images. scripts/image.test.ts knows which ones the gateway needs.
RUN cp -r node_modules/@img /tmp/img \
    && npm prune --omit=dev --omit=optional --no-audit --no-fund \
    && cp -r /tmp/img/. node_modules/@img/ \
    && mkdir /image \
    && cp -r --parents package.json node_modules prisma/migrations apps/gateway/package.json apps/gateway/dist /image \
    && for package in packages/*/; do \
         case "$package" in packages/testing/) continue ;; esac; \
         cp -r --parents "${package}package.json" "${package}dist" /image; \
       done \
    && find /image -name '*.tsbuildinfo' -o -name '.tsbuildinfo' -o -name '*.d.ts' -path '*/dist/*' | xargs rm -f \
    && rm -f /image/node_modules/@switchboard/testing /image/node_modules/@switchboard/bench

FROM node:20-bookworm-slim
# glibc gives large blocks back at once: hashing a password takes 16 MiB, and each thread would keep them.
ENV MALLOC_MMAP_THRESHOLD_=4194304 \
    NODE_ENV=production \
    SWITCHBOARD_MODE=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    DATA_DIR=/var/lib/switchboard
RUN install -d -o node -g node -m 0750 /var/lib/switchboard
WORKDIR /switchboard
COPY --from=build /image ./
USER node
VOLUME /var/lib/switchboard
# 8081: admin API and metrics, on loopback unless ADMIN_LISTEN says otherwise.
EXPOSE 8080 8081
# Alive, not ready: a gateway whose PostgreSQL is away must not be restarted for that.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The gateway handles its signals itself and has no children here: it may be process 1. It ends within 10 s of SIGTERM.
STOPSIGNAL SIGTERM
CMD ["node", "--enable-source-maps", "apps/gateway/dist/main.js"]
