from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audiences', '0002_audit'),
    ]

    operations = [
        migrations.AddField(
            model_name='audience',
            name='source_client',
            field=models.CharField(blank=True, default='', editable=False, help_text='Prefix of the creating key.', max_length=8),
            preserve_default=False,
        ),
    ]
