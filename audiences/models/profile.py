"""What an account knows about people."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Q

from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, LargeAccountModel
from syncapp.audit.tracking import tracked


@tracked("key", "label", "type", "identifier", "personal")
class Property(AccountModel):
    """A typed field of profiles. The key never changes: mappings and stored values use it."""

    class Type(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        BOOLEAN = "boolean", "Yes or no"
        DATE = "date", "Date"
        DATETIME = "datetime", "Date and time"
        LIST = "list", "List of texts"

    key = models.CharField(
        max_length=60,
        validators=[
            RegexValidator(r"^[a-z][a-z0-9_]*$", "Small letters, digits and _, beginning with a letter.")
        ],
        help_text="Fixed after the first save.",
    )
    label = models.CharField(max_length=100)
    type = models.CharField(max_length=10, choices=Type, default=Type.TEXT)
    identifier = models.BooleanField(
        default=False, help_text="Its value names one person, like a customer number."
    )
    personal = models.BooleanField(default=True, help_text="Personal data: left out of logs and samples.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["label"]
        verbose_name_plural = "properties"
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="property_key_per_account"),
        ]

    def __str__(self) -> str:
        return self.label

    def clean(self) -> None:
        super().clean()
        if self.pk and Property.objects.filter(pk=self.pk).exclude(key=self.key).exists():
            raise ValidationError({"key": "The key is fixed: mappings and stored values use it."})
        if self.identifier and self.type not in (self.Type.TEXT, self.Type.NUMBER):
            raise ValidationError({"identifier": "Only a text or a number can name a person."})


# Doubled backslashes: a text becomes bytes by bytea's escapes. Unlike convert_to, which asks for an encoding by
# name, this is immutable.
ADDRESS_SHA256 = r"sha256(replace(%(expressions)s, '\', '\\')::bytea)"


class Profile(LargeAccountModel):
    """One person. `email` is stored normalised (audiences.ingest.addresses) and compared with plain `=`.

    `properties`: {property key: value}; a list is a JSON list, a date ISO 8601 text.
    `consents`: {objective key: {"state": "granted" | "denied", "at": ISO 8601}}, the projection of the ledger.
    `forgotten_at` (audiences.erasing): nobody any more, nobody's row to be shown; setting it empties the ledger.
    """

    email = models.CharField(max_length=254, null=True, blank=True)  # noqa: DJ001  absent and "" differ: unique
    external_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    email_sha256 = models.GeneratedField(
        expression=Func(F("email"), template=ADDRESS_SHA256),
        output_field=models.BinaryField(null=True),
        db_persist=True,
    )
    properties = models.JSONField(default=dict, blank=True)
    consents = models.JSONField(default=dict, blank=True, editable=False)
    source = models.CharField(max_length=100, blank=True, help_text="Where the person was first seen.")
    last_active_at = models.DateTimeField(null=True, blank=True, editable=False)
    forgotten_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Deleted or erased: an empty row that stays until no ESP’s list holds the person.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(fields=["account", "email"], name="profile_email_per_account"),
            models.UniqueConstraint(
                fields=["account", "external_id"], name="profile_external_id_per_account"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "email_sha256"], name="profile_by_email_sha256"),
            models.Index(fields=["account", "id"], condition=~Q(forgotten_at=None), name="profile_forgotten"),
        ]

    def __str__(self) -> str:
        return self.email or self.external_id or f"Person {self.pk}"

    @property
    def name(self) -> str:
        parts = (self.properties.get("first_name"), self.properties.get("last_name"))
        return " ".join(str(part) for part in parts if part)


class Identifier(AccountModel):
    """A value of an identifying property, pointing to the one person who has it. `audiences.ingest` keeps it equal
    to `Profile.properties`; an empty text names nobody.
    """

    property = AccountForeignKey(
        Property, on_delete=models.CASCADE, related_name="+", on_database_delete="CASCADE", db_index=False
    )
    value = models.CharField(max_length=255)
    profile = AccountForeignKey(
        Profile,
        on_delete=models.DO_NOTHING,
        related_name="identifiers",
        on_database_delete="CASCADE",
        db_index=False,
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "property", "value"], name="identifier_value_per_property"
            ),
            models.UniqueConstraint(
                fields=["account", "profile", "property"], name="identifier_once_per_property"
            ),
        ]

    def __str__(self) -> str:
        return self.value
