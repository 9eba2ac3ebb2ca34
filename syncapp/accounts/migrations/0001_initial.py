import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import pghistory.utils
import pgtrigger.compiler
import syncapp.accounts.models
from django.conf import settings
from django.db import migrations, models

from syncapp.audit.operations import IsolateEvents
from syncapp.database.operations import CreateModels, Isolate


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        CreateModels(
            migrations.CreateModel(
                name='Account',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=150, unique=True)),
                    ('slug', models.SlugField(help_text='Used in addresses; fixed after the first save.', max_length=60, unique=True)),
                    ('colour', models.CharField(default='#4f46e5', help_text='Shown in the header, so that nobody works in the wrong client.', max_length=7, validators=[django.core.validators.RegexValidator('^#[0-9a-fA-F]{6}$', 'Give a colour like #4f46e5.')])),
                    ('time_zone', models.CharField(default='Europe/Amsterdam', max_length=64, validators=[syncapp.accounts.models.validate_time_zone])),
                    ('language', models.CharField(default='nl', help_text='As in BCP 47: nl, en, fr-BE.', max_length=10)),
                    ('currency', models.CharField(default='EUR', max_length=3, validators=[django.core.validators.RegexValidator('^[A-Z]{3}$', 'Three capitals, as in ISO 4217.')])),
                    ('archived_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                ],
                options={
                    'verbose_name': 'client',
                    'ordering': ['name'],
                    'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_accountevent" ("archived_at", "colour", "currency", "id", "language", "name", "pgh_context", "pgh_created_at", "pgh_label", "slug", "time_zone") VALUES (NEW."archived_at", NEW."colour", NEW."currency", NEW."id", NEW."language", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."slug", NEW."time_zone"); RETURN NULL;', hash='9283c500f05e48d5fc2176613b86373195ce2d91', operation='INSERT', pgid='pgtrigger_insert_insert_8b982', table='accounts_account', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."archived_at" IS DISTINCT FROM (NEW."archived_at") OR OLD."colour" IS DISTINCT FROM (NEW."colour") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."language" IS DISTINCT FROM (NEW."language") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."slug" IS DISTINCT FROM (NEW."slug") OR OLD."time_zone" IS DISTINCT FROM (NEW."time_zone"))', func='INSERT INTO "accounts_accountevent" ("archived_at", "colour", "currency", "id", "language", "name", "pgh_context", "pgh_created_at", "pgh_label", "slug", "time_zone") VALUES (NEW."archived_at", NEW."colour", NEW."currency", NEW."id", NEW."language", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."slug", NEW."time_zone"); RETURN NULL;', hash='85737b2dbaa117f310c87bcf0159f7138e0d1439', operation='UPDATE', pgid='pgtrigger_update_update_834ae', table='accounts_account', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_accountevent" ("archived_at", "colour", "currency", "id", "language", "name", "pgh_context", "pgh_created_at", "pgh_label", "slug", "time_zone") VALUES (OLD."archived_at", OLD."colour", OLD."currency", OLD."id", OLD."language", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."slug", OLD."time_zone"); RETURN NULL;', hash='7f2a755b31b312812690b200d9fdcb163f59fa7f', operation='DELETE', pgid='pgtrigger_delete_delete_f7f6a', table='accounts_account', when='AFTER'))],
                },
            ),
            migrations.CreateModel(
                name='User',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('password', models.CharField(max_length=128, verbose_name='password')),
                    ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                    ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                    ('name', models.CharField(blank=True, max_length=150)),
                    ('is_active', models.BooleanField(default=True)),
                    ('is_agency_admin', models.BooleanField(default=False, help_text='Sees and manages every client account.', verbose_name='agency administrator')),
                    ('date_joined', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='user_email_regardless_of_case', violation_error_message='Somebody already signs in with this e-mail address.')],
                    'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_userevent" ("email", "id", "is_active", "is_agency_admin", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."email", NEW."id", NEW."is_active", NEW."is_agency_admin", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\'); RETURN NULL;', hash='98ded2bbd3f24ac0262c859274e253ecb8c2fe8b', operation='INSERT', pgid='pgtrigger_insert_insert_3867c', table='accounts_user', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."email" IS DISTINCT FROM (NEW."email") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."is_active" IS DISTINCT FROM (NEW."is_active") OR OLD."is_agency_admin" IS DISTINCT FROM (NEW."is_agency_admin") OR OLD."name" IS DISTINCT FROM (NEW."name"))', func='INSERT INTO "accounts_userevent" ("email", "id", "is_active", "is_agency_admin", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."email", NEW."id", NEW."is_active", NEW."is_agency_admin", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\'); RETURN NULL;', hash='efb074c098d35233abc7a5ff758e445c75684b1c', operation='UPDATE', pgid='pgtrigger_update_update_0e890', table='accounts_user', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_userevent" ("email", "id", "is_active", "is_agency_admin", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (OLD."email", OLD."id", OLD."is_active", OLD."is_agency_admin", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\'); RETURN NULL;', hash='80005fa9f80055413527b16906778053c6c48835', operation='DELETE', pgid='pgtrigger_delete_delete_19f14', table='accounts_user', when='AFTER'))],
                },
            ),
            migrations.CreateModel(
                name='ApiKey',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('label', models.CharField(help_text='Which system uses it, e.g. “Web shop”.', max_length=100)),
                    ('prefix', models.CharField(editable=False, max_length=8, unique=True)),
                    ('secret_sha256', models.BinaryField(max_length=32)),
                    ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('audiences:read', 'Read audiences'), ('audiences:write', 'Create and change audiences'), ('audiences:delete', 'Delete audiences'), ('members:read', 'Read members'), ('members:write', 'Add and remove members'), ('contacts:write', 'Write contact data of members'), ('consents:write', 'Record consents')], max_length=30), default=list, size=None)),
                    ('expires_at', models.DateTimeField(blank=True, null=True)),
                    ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'API key',
                    'constraints': [models.UniqueConstraint(fields=('account', 'label'), name='api_key_label_per_account')],
                    'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_apikeyevent" ("account_id", "created_by_id", "expires_at", "id", "label", "pgh_context", "pgh_created_at", "pgh_label", "prefix", "revoked_at", "scopes") VALUES (NEW."account_id", NEW."created_by_id", NEW."expires_at", NEW."id", NEW."label", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."prefix", NEW."revoked_at", NEW."scopes"); RETURN NULL;', hash='a938627568a67d8e300dfd3c6a31101802842833', operation='INSERT', pgid='pgtrigger_insert_insert_1ed31', table='accounts_apikey', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."label" IS DISTINCT FROM (NEW."label") OR OLD."prefix" IS DISTINCT FROM (NEW."prefix") OR OLD."revoked_at" IS DISTINCT FROM (NEW."revoked_at") OR OLD."scopes" IS DISTINCT FROM (NEW."scopes"))', func='INSERT INTO "accounts_apikeyevent" ("account_id", "created_by_id", "expires_at", "id", "label", "pgh_context", "pgh_created_at", "pgh_label", "prefix", "revoked_at", "scopes") VALUES (NEW."account_id", NEW."created_by_id", NEW."expires_at", NEW."id", NEW."label", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."prefix", NEW."revoked_at", NEW."scopes"); RETURN NULL;', hash='5d896ea96d94f016211e2425269975ee8b196b20', operation='UPDATE', pgid='pgtrigger_update_update_1c34c', table='accounts_apikey', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_apikeyevent" ("account_id", "created_by_id", "expires_at", "id", "label", "pgh_context", "pgh_created_at", "pgh_label", "prefix", "revoked_at", "scopes") VALUES (OLD."account_id", OLD."created_by_id", OLD."expires_at", OLD."id", OLD."label", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."prefix", OLD."revoked_at", OLD."scopes"); RETURN NULL;', hash='8f3c15a4abb1c89d7c6ed8012c9fbae542b957aa', operation='DELETE', pgid='pgtrigger_delete_delete_18c5d', table='accounts_apikey', when='AFTER'))],
                },
            ),
            migrations.CreateModel(
                name='Membership',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('role', models.CharField(choices=[('viewer', 'Viewer: sees everything, changes nothing'), ('editor', 'Editor: works with people, audiences and connections'), ('manager', 'Manager: also members, keys and authorizations')], default='editor', max_length=10)),
                    ('expires_at', models.DateTimeField(blank=True, help_text='Empty: until someone ends it.', null=True)),
                    ('reason', models.CharField(blank=True, max_length=200)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('account', 'user'), name='membership_once_per_account')],
                    'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_membershipevent" ("account_id", "expires_at", "id", "pgh_context", "pgh_created_at", "pgh_label", "reason", "role", "user_id") VALUES (NEW."account_id", NEW."expires_at", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."reason", NEW."role", NEW."user_id"); RETURN NULL;', hash='3a8c37e759f70247f02ae1c8503df07c79140542', operation='INSERT', pgid='pgtrigger_insert_insert_fc05a', table='accounts_membership', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."role" IS DISTINCT FROM (NEW."role") OR OLD."user_id" IS DISTINCT FROM (NEW."user_id"))', func='INSERT INTO "accounts_membershipevent" ("account_id", "expires_at", "id", "pgh_context", "pgh_created_at", "pgh_label", "reason", "role", "user_id") VALUES (NEW."account_id", NEW."expires_at", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."reason", NEW."role", NEW."user_id"); RETURN NULL;', hash='3fc74ead613bf3c15fd3078a352b8f5e6a843cb2', operation='UPDATE', pgid='pgtrigger_update_update_20ab5', table='accounts_membership', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "accounts_membershipevent" ("account_id", "expires_at", "id", "pgh_context", "pgh_created_at", "pgh_label", "reason", "role", "user_id") VALUES (OLD."account_id", OLD."expires_at", OLD."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."reason", OLD."role", OLD."user_id"); RETURN NULL;', hash='7d536a64563e22e22a76228e5883f1bf1373995e', operation='DELETE', pgid='pgtrigger_delete_delete_19a8f', table='accounts_membership', when='AFTER'))],
                },
            ),
            migrations.CreateModel(
                name='AccountEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('name', models.CharField(max_length=150)),
                    ('slug', models.SlugField(db_index=False, help_text='Used in addresses; fixed after the first save.', max_length=60)),
                    ('colour', models.CharField(default='#4f46e5', help_text='Shown in the header, so that nobody works in the wrong client.', max_length=7, validators=[django.core.validators.RegexValidator('^#[0-9a-fA-F]{6}$', 'Give a colour like #4f46e5.')])),
                    ('time_zone', models.CharField(default='Europe/Amsterdam', max_length=64, validators=[syncapp.accounts.models.validate_time_zone])),
                    ('language', models.CharField(default='nl', help_text='As in BCP 47: nl, en, fr-BE.', max_length=10)),
                    ('currency', models.CharField(default='EUR', max_length=3, validators=[django.core.validators.RegexValidator('^[A-Z]{3}$', 'Three capitals, as in ISO 4217.')])),
                    ('archived_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ],
                options={
                    'verbose_name': 'client',
                    'abstract': False,
                    'indexes': [models.Index(fields=['id', '-pgh_id'], name='account_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='b2fcc0ac097507fbc8f168c4af9b0fbdec311f8f', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_a5014', table='accounts_accountevent', when='BEFORE'))],
                },
            ),
            migrations.CreateModel(
                name='ApiKeyEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('label', models.CharField(help_text='Which system uses it, e.g. “Web shop”.', max_length=100)),
                    ('prefix', models.CharField(editable=False, max_length=8)),
                    ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('audiences:read', 'Read audiences'), ('audiences:write', 'Create and change audiences'), ('audiences:delete', 'Delete audiences'), ('members:read', 'Read members'), ('members:write', 'Add and remove members'), ('contacts:write', 'Write contact data of members'), ('consents:write', 'Record consents')], max_length=30), default=list, size=None)),
                    ('expires_at', models.DateTimeField(blank=True, null=True)),
                    ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.account', verbose_name='client')),
                    ('created_by', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'API key',
                    'abstract': False,
                    'indexes': [models.Index(fields=['account', '-pgh_id'], name='apikey_event_by_time'), models.Index(fields=['account', 'id', '-pgh_id'], name='apikey_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='81decc7750ef48a82b6961d47e10bed8cc804bb5', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_f8804', table='accounts_apikeyevent', when='BEFORE'))],
                },
            ),
            migrations.CreateModel(
                name='MembershipEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('role', models.CharField(choices=[('viewer', 'Viewer: sees everything, changes nothing'), ('editor', 'Editor: works with people, audiences and connections'), ('manager', 'Manager: also members, keys and authorizations')], default='editor', max_length=10)),
                    ('expires_at', models.DateTimeField(blank=True, help_text='Empty: until someone ends it.', null=True)),
                    ('reason', models.CharField(blank=True, max_length=200)),
                    ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.account', verbose_name='client')),
                    ('user', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'membership',
                    'abstract': False,
                    'indexes': [models.Index(fields=['account', '-pgh_id'], name='membership_event_by_time'), models.Index(fields=['account', 'id', '-pgh_id'], name='membership_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='e1f05704110766345bef638c18be4307af995a77', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_9ee6c', table='accounts_membershipevent', when='BEFORE'))],
                },
            ),
            migrations.CreateModel(
                name='UserEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                    ('name', models.CharField(blank=True, max_length=150)),
                    ('is_active', models.BooleanField(default=True)),
                    ('is_agency_admin', models.BooleanField(default=False, help_text='Sees and manages every client account.', verbose_name='agency administrator')),
                ],
                options={
                    'verbose_name': 'user',
                    'abstract': False,
                    'indexes': [models.Index(fields=['id', '-pgh_id'], name='user_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='9e9498e73f6fbdf2642fb33fa14189f1ad2382c8', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_45b21', table='accounts_userevent', when='BEFORE'))],
                },
            ),
        ),
        Isolate('Membership', 'ApiKey'),
        IsolateEvents('AccountEvent', 'ApiKeyEvent', 'MembershipEvent', 'UserEvent'),
    ]
