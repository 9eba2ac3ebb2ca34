"""Pages of clients, members, users and API keys."""

from syncapp.accounts.admin import palette
from syncapp.accounts.admin.clients import ClientAdmin
from syncapp.accounts.admin.keys import ApiKeyAdmin
from syncapp.accounts.admin.members import MembershipAdmin
from syncapp.accounts.admin.users import UserAdmin

__all__ = ["ApiKeyAdmin", "ClientAdmin", "MembershipAdmin", "UserAdmin", "palette"]
