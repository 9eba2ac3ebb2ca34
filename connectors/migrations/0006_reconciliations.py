import django.contrib.postgres.fields
import django.db.models.deletion
import syncapp.accounts.fields
from django.conf import settings
from django.db import migrations, models

from syncapp.database.operations import CreateModels, CreatePartitionedModel, Isolate


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('audiences', '0003_reach'),
        ('connectors', '0005_pace'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModels(
            migrations.CreateModel(
                name='Reconciliation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('trigger', models.CharField(choices=[('nightly', 'Every night'), ('manual', 'A person')], max_length=10)),
                    ('state', models.CharField(choices=[('queued', 'Queued'), ('reading', 'Reading the list'), ('checking', 'Asking again for who is missing'), ('comparing', 'Comparing'), ('done', 'Done'), ('repairing', 'Preparing the repair'), ('failed', 'Failed')], default='queued', max_length=10)),
                    ('reason', models.CharField(blank=True, help_text='Why it failed or waits, for staff.', max_length=300)),
                    ('note', models.CharField(blank=True, help_text='What else was noticed, for staff.', max_length=300)),
                    ('part', models.CharField(blank=True, help_text='The state of people being read.', max_length=20)),
                    ('cursor', models.TextField(blank=True)),
                    ('read', models.PositiveIntegerField(default=0, help_text='People read so far.')),
                    ('expected', models.PositiveIntegerField(default=0, help_text='Of how many, as far as the ESP has said by now.')),
                    ('asked', models.PositiveIntegerField(default=0, help_text='People looked up one by one.')),
                    ('attempts', models.PositiveSmallIntegerField(default=0, help_text='Troubles in a row.')),
                    ('matrix', models.JSONField(default=dict)),
                    ('differences', models.JSONField(default=dict)),
                    ('moving', models.PositiveIntegerField(default=0, help_text='Changed meanwhile, so not compared.')),
                    ('fields', models.JSONField(default=list, help_text="Keys of the list's fields that were compared.")),
                    ('repair', models.JSONField(default=dict, help_text='{kinds, reason, withdrawn, repaired: {kind: people}}')),
                    ('repaired_at', models.DateTimeField(blank=True, null=True)),
                    ('queued_at', models.DateTimeField(auto_now_add=True)),
                    ('began_at', models.DateTimeField(blank=True, help_text="By the database's clock.", null=True)),
                    ('compared_at', models.DateTimeField(blank=True, help_text="By the database's clock.", null=True)),
                    ('finished_at', models.DateTimeField(blank=True, null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('goal', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='reconciliations', to='connectors.goal')),
                    ('repair_run', syncapp.accounts.fields.AccountForeignKey(blank=True, db_constraint=False, null=True, on_database_delete='SET NULL', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='connectors.run')),
                    ('repaired_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('requested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-queued_at'],
                    'indexes': [models.Index(fields=['account', 'goal', '-queued_at'], name='reconciliation_by_goal')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['queued', 'reading', 'checking', 'comparing', 'repairing'])), fields=('account', 'goal'), name='reconciliation_once_per_goal')],
                },
            ),
            CreatePartitionedModel(
                name='ListEntry',
                fields=[
                    ('pk', models.CompositePrimaryKey('account', 'reconciliation', 'address', blank=True, editable=False, primary_key=True, serialize=False)),
                    ('address', models.CharField(max_length=320)),
                    ('state', models.CharField(blank=True, help_text='Empty: not on the list.', max_length=20)),
                    ('suppressed', models.BooleanField(db_default=False)),
                    ('since', models.DateTimeField(blank=True, help_text='Since when in this state.', null=True)),
                    ('fingerprint', models.UUIDField(blank=True, null=True)),
                    ('differing', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, null=True, size=None)),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('reconciliation', syncapp.accounts.fields.AccountForeignKey(checked='statement', db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.DO_NOTHING, related_name='entries', to='connectors.reconciliation')),
                ],
                options={
                    'abstract': False,
                },
            ),
            CreatePartitionedModel(
                name='Finding',
                fields=[
                    ('pk', models.CompositePrimaryKey('account', 'reconciliation', 'side', 'seen', 'kind', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                    ('side', models.CharField(choices=[('wanted', 'Wanted'), ('ours', 'Not wanted, put there by us'), ('others', 'Not wanted, not put there by us'), ('moving', 'In movement')], max_length=7)),
                    ('seen', models.CharField(choices=[('active', 'Subscribed'), ('unconfirmed', 'Unconfirmed'), ('unsubscribed', 'Unsubscribed'), ('bounced', 'Bounced'), ('removed', 'Removed'), ('suppressed', 'Suppressed'), ('absent', 'Absent')], max_length=12)),
                    ('kind', models.CharField(blank=True, choices=[('missing', 'Missing at the ESP'), ('state', 'The ESP mails them no more'), ('back', 'Back on the list at the ESP'), ('fields', 'Fields differ'), ('stays', 'Still mailed, though taken off'), ('extra', 'Not put there by us')], max_length=10)),
                    ('number', models.PositiveIntegerField()),
                    ('address', models.CharField(blank=True, max_length=320)),
                    ('why', models.CharField(blank=True, help_text='A reason as in connectors.sync.words.', max_length=40)),
                    ('since', models.DateTimeField(blank=True, null=True)),
                    ('differing', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, null=True, size=None)),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('profile', syncapp.accounts.fields.AccountForeignKey(checked='statement', db_constraint=False, db_index=False, null=True, on_database_delete='CASCADE', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='audiences.profile')),
                    ('reconciliation', syncapp.accounts.fields.AccountForeignKey(checked='statement', db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.DO_NOTHING, related_name='findings', to='connectors.reconciliation')),
                ],
                options={
                    'indexes': [models.Index(condition=models.Q(('kind', ''), _negated=True), fields=['account', 'reconciliation', 'kind', 'number'], name='finding_by_kind'), models.Index(condition=models.Q(('profile', None), _negated=True), fields=['account', 'profile'], name='finding_by_profile')],
                },
            ),
        ),
        Isolate('Reconciliation', 'ListEntry', 'Finding'),
    ]
