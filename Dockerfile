# Lull in one image: API and worker together, or the one or the other by `node src/cli.ts serve --role api|worker`.
# It has no embedded Postgres: give it DATABASE_URL, and LULL_SECRET_KEY. docs/operations.md tells the rest.
FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 LULL_METRICS_PORT=9464
WORKDIR /opt/lull
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts
COPY LICENSE ./
COPY templates ./templates
COPY drizzle ./drizzle
COPY src ./src
USER node
EXPOSE 4400 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "-e", "fetch('http://127.0.0.1:9464/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
