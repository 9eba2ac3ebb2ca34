from django.db import migrations, models

from syncapp.database.operations import Together


class Migration(migrations.Migration):

    dependencies = [
        ('audiences', '0002_identifiers_by_person'),
    ]

    operations = [
        Together(
            migrations.AddField(
                model_name='audience',
                name='reach',
                field=models.JSONField(blank=True, editable=False, help_text='Kept by audiences.reach.', null=True),
            ),
            migrations.AddField(
                model_name='audience',
                name='reach_counted_at',
                field=models.DateTimeField(blank=True, editable=False, null=True),
            ),
        ),
    ]
