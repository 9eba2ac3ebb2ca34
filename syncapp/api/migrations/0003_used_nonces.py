import django.db.models.deletion
import syncapp.accounts.fields
from django.db import migrations, models

from syncapp.database.operations import CreateModels, Isolate


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_keys_with_two_secrets'),
        ('api', '0002_tokens_and_calls'),
    ]

    operations = [
        CreateModels(
            migrations.CreateModel(
                name='UsedNonce',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('nonce_sha256', models.BinaryField(help_text='Of timestamp and nonce.', max_length=32)),
                    ('expires_at', models.DateTimeField()),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('key', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.apikey')),
                ],
                options={
                    'indexes': [models.Index(fields=['account', 'key', 'expires_at'], name='nonce_by_expiry')],
                    'constraints': [models.UniqueConstraint(fields=('account', 'key', 'nonce_sha256'), name='nonce_once_per_key')],
                },
            ),
        ),
        Isolate('UsedNonce'),
    ]
