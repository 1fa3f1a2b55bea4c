from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SchedulingConfig(AppConfig):
    name = "scheduling"
    verbose_name = _("Scheduling")

    def ready(self) -> None:
        from celery.signals import task_prerun
        from django.core.signals import request_started

        from scheduling.planner import ask_again
        from scheduling.reasons import register

        register()
        request_started.connect(ask_again)
        task_prerun.connect(ask_again)
