# One image for every service; docker-compose.yml says which command each runs.
FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    CARILLON_VAR=/var/lib/carillon

WORKDIR /srv/carillon

# Before the code, so that a change of code does not install everything again. Every package has a wheel: no compiler is needed.
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt

COPY . .
RUN useradd --system --uid 1000 --home-dir /var/lib/carillon --create-home carillon \
    && mkdir /doubles \
    && chown carillon /doubles

USER carillon
# File names carry a digest of their content, so that browsers may keep them for ever.
RUN python tools/as_production.py collectstatic --noinput

EXPOSE 8000
CMD ["gunicorn", "settings.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "4", "--access-logfile", "-"]
