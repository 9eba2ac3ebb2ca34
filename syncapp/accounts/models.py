"""Who signs in, which client accounts there are, and who may do what in them."""

from __future__ import annotations

import secrets
from ipaddress import ip_network
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from syncapp.accounts.managers import AccountManager
from syncapp.audit.tracking import tracked
from syncapp.secrets import EncryptedJSONField


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_agency_admin=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username or "")


@tracked("email", "name", "is_active", "is_agency_admin")
class User(AbstractBaseUser):
    """A person of the agency or of a client, who signs in with an e-mail address.

    Rights follow from memberships; agency administrators have every right in every account.
    """

    email = models.EmailField("e-mail address", max_length=254)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_agency_admin = models.BooleanField(
        "agency administrator", default=False, help_text="Sees and manages every client account."
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_regardless_of_case",
                violation_error_message="Somebody already signs in with this e-mail address.",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower()

    @property
    def is_staff(self) -> bool:
        """The admin is the product: everyone who may sign in may enter it, and sees own accounts only."""
        return self.is_active

    @property
    def is_superuser(self) -> bool:
        return self.is_agency_admin

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Per-account rights are the admin base class's matter; this answers for the agency's own tables."""
        return self.is_active and self.is_agency_admin

    def has_perms(self, perms: list[str], obj: object = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perms)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email


def validate_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(
            "“%(value)s” is not a time zone. Example: Europe/Amsterdam.", params={"value": value}
        )


@tracked("name", "slug", "colour", "time_zone", "language", "currency", "archived_at")
class Account(models.Model):
    """One client of the agency: the tenant."""

    name = models.CharField(max_length=150, unique=True)
    slug = models.SlugField(
        max_length=60, unique=True, help_text="Used in addresses; fixed after the first save."
    )
    colour = models.CharField(
        max_length=7,
        default="#4f46e5",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", "Give a colour like #4f46e5.")],
        help_text="Shown in the header, so that nobody works in the wrong client.",
    )
    time_zone = models.CharField(max_length=64, default="Europe/Amsterdam", validators=[validate_time_zone])
    language = models.CharField(max_length=10, default="nl", help_text="As in BCP 47: nl, en, fr-BE.")
    currency = models.CharField(
        max_length=3,
        default="EUR",
        validators=[RegexValidator(r"^[A-Z]{3}$", "Three capitals, as in ISO 4217.")],
    )
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "client"

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class AccountModel(models.Model):
    """A row of one account."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", verbose_name="client")

    objects = AccountManager()

    class Meta:
        abstract = True

    def unique_error_message(self, model_class: Any, unique_check: Any) -> ValidationError:
        """In words staff know: the account is not a field they see."""
        names = [name for name in unique_check if name != "account"]
        if len(names) != 1:
            return super().unique_error_message(model_class, unique_check)
        label = getattr(self._meta.get_field(names[0]), "verbose_name", names[0])
        words = f"Another {self._meta.verbose_name} of this client has this {label}. Choose another."
        return ValidationError(words, code="unique_together")


class LargeAccountModel(models.Model):
    """A row of one account in a table partitioned by account.

    No constraint checks the account row by row: it costs a look-up per inserted row, and the policy refuses
    accounts outside the scope anyway.
    """

    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="client",
        db_constraint=False,
        db_index=False,
    )

    objects = AccountManager()

    class Meta:
        abstract = True


@tracked("user", "role", "expires_at", "reason")
class Membership(AccountModel):
    """A user's role in an account."""

    class Role(models.TextChoices):
        VIEWER = "viewer", "Viewer: sees everything, changes nothing"
        EDITOR = "editor", "Editor: works with people, audiences and connections"
        MANAGER = "manager", "Manager: also members, keys and authorizations"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.EDITOR)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until someone ends it.")
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="membership_once_per_account"),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.get_role_display().split(':')[0].lower()}"


def validate_network(value: str) -> None:
    try:
        ip_network(value)
    except ValueError as error:
        words = "“%(value)s” is not a network. Examples: 203.0.113.7, 203.0.113.0/24, 2001:db8::/32."
        raise ValidationError(words, params={"value": value}) from error


@tracked(
    "label",
    "kind",
    "prefix",
    "scopes",
    "networks",
    "previous_until",
    "expires_at",
    "revoked_at",
    "created_by",
)
class ApiKey(AccountModel):
    """An external system and its secret, shown once; during a rotation a second secret is good too.

    Only the SHA-256 of a secret is kept, except where a signature has to be checked with it (`MAILPLUS`).
    """

    class Kind(models.TextChoices):
        BEARER = "bearer", "API key: for our own API"
        MAILPLUS = "mailplus", "Consumer key and secret: for systems built for Spotler Mail+"

    class Scope(models.TextChoices):
        AUDIENCES_READ = "audiences:read", "Read audiences"
        AUDIENCES_WRITE = "audiences:write", "Create and change audiences"
        AUDIENCES_DELETE = "audiences:delete", "Delete audiences"
        MEMBERS_READ = "members:read", "Read members"
        MEMBERS_WRITE = "members:write", "Add and remove members"
        MEMBERS_REPLACE = "members:replace", "Replace or empty whole audiences"
        CONTACTS_READ = "contacts:read", "Read contacts and their consents"
        CONTACTS_WRITE = "contacts:write", "Write and delete contacts"
        CONSENTS_WRITE = "consents:write", "Record consents"
        JOBS_READ = "jobs:read", "Follow jobs, read their errors"
        WEBHOOKS_MANAGE = "webhooks:manage", "Manage outgoing webhooks"

    label = models.CharField(max_length=100, help_text="Which system uses it, e.g. “Web shop”.")
    kind = models.CharField(
        max_length=10,
        choices=Kind,
        default=Kind.BEARER,
        help_text="A consumer secret has to be kept (encrypted), because calls are signed with it.",
    )
    prefix = models.CharField(max_length=8, unique=True, editable=False)
    secret_sha256 = models.BinaryField(max_length=32, editable=False)
    previous_secret_sha256 = models.BinaryField(max_length=32, null=True, editable=False)
    previous_until = models.DateTimeField("old secret works until", null=True, blank=True, editable=False)
    secrets = EncryptedJSONField(
        bound_by="prefix",
        default=dict,
        db_default="",  # what rows made before this column hold
        editable=False,
        help_text="Consumer secrets by name: current, previous.",
    )
    scopes = ArrayField(models.CharField(max_length=30, choices=Scope), default=list)
    networks = ArrayField(
        models.CharField(max_length=43, validators=[validate_network]),
        default=list,
        blank=True,
        help_text="Where calls may come from, as 203.0.113.0/24. None: from everywhere.",
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.UniqueConstraint(fields=["account", "label"], name="api_key_label_per_account"),
        ]

    def __str__(self) -> str:
        return f"{self.label} (ak_live_{self.prefix}_…)"


def new_prefix() -> str:
    """Eight characters that name a key without being secret."""
    return secrets.token_hex(4)
