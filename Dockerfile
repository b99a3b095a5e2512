FROM node:24-slim AS parts
WORKDIR /build
COPY package.json package-lock.json .npmrc vendor.mjs ./
RUN npm ci --ignore-scripts && node vendor.mjs

FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements/runtime.txt requirements/runtime.txt
RUN python -m venv /opt/givetake \
    && /opt/givetake/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY . .
COPY --from=parts /build/app/static/vendor app/static/vendor
RUN /opt/givetake/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
COPY --from=build /opt/givetake /opt/givetake
RUN useradd --system --uid 10001 --create-home givetake \
    && install -d -m 700 -o givetake /var/lib/givetake
ENV PATH=/opt/givetake/bin:$PATH \
    GIVETAKE_DATABASE_URL=sqlite:////var/lib/givetake/givetake.sqlite3 \
    GIVETAKE_LOG_FORMAT=json
USER givetake
VOLUME /var/lib/givetake
ENTRYPOINT ["givetake"]
