from django.db import migrations, models
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce, Now


def take_from_messages(apps, _editor):
    """What was said before keeps its time; what was cancelled enters no further inbox."""
    broadcasts = apps.get_model("carillon_notifications", "Broadcast").objects
    message = apps.get_model("carillon_channels", "Message").objects.filter(pk=OuterRef("pk"))
    broadcasts.filter(message__cancelled_at__isnull=False).delete()
    broadcasts.update(begins_at=Subquery(message.values(begins=Coalesce("send_after", "created_at"))))


class Migration(migrations.Migration):

    dependencies = [
        ("carillon_channels", "0014_silent_pushes"),
        ("carillon_notifications", "0015_text_versions"),
    ]

    operations = [
        migrations.AddField(
            model_name="broadcast",
            name="begins_at",
            field=models.DateTimeField(db_default=Now(), verbose_name="enters from"),
        ),
        migrations.RunPython(take_from_messages, migrations.RunPython.noop),
    ]
