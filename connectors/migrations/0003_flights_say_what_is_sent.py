import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.models import Q

from syncapp.database.operations import Together


class Migration(migrations.Migration):
    dependencies = [("connectors", "0002_lost_answers")]

    operations = [
        Together(
            migrations.AddField(
                model_name="flight",
                name="fingerprints",
                field=django.contrib.postgres.fields.ArrayField(
                    base_field=models.UUIDField(), help_text="Of what is being sent.", null=True, size=None
                ),
            ),
            migrations.RemoveIndex(model_name="subscriber", name="subscriber_due"),
            migrations.AddIndex(
                model_name="subscriber",
                index=models.Index(
                    condition=~Q(due_at=None),
                    fields=["account", "goal", "operation", "profile"],
                    name="subscriber_due",
                ),
            ),
        ),
    ]
