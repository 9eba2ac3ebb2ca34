import django.db.models.deletion
import syncapp.accounts.fields
from django.db import migrations, models

from syncapp.database.operations import CreateModels, Isolate


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        CreateModels(
            migrations.CreateModel(
                name='RateWindow',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('quota', models.CharField(choices=[('requests', 'Requests'), ('member_operations', 'Member operations')], max_length=20)),
                    ('started_at', models.DateTimeField()),
                    ('used', models.BigIntegerField()),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('key', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.apikey')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('account', 'key', 'quota'), name='rate_window_once_per_key')],
                },
            ),
            migrations.CreateModel(
                name='Reply',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('idempotency_key', models.CharField(max_length=255)),
                    ('fingerprint', models.BinaryField(help_text='SHA-256 of method, path and body.', max_length=32)),
                    ('status', models.PositiveSmallIntegerField()),
                    ('headers', models.JSONField(default=dict)),
                    ('body', models.BinaryField()),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('key', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.apikey')),
                ],
                options={
                    'verbose_name_plural': 'replies',
                    'constraints': [models.UniqueConstraint(fields=('account', 'key', 'idempotency_key'), name='reply_once_per_key')],
                },
            ),
        ),
        Isolate('RateWindow', 'Reply'),
    ]
