"""The Django project: settings, people and permissions, and the few shapes that all apps share."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
