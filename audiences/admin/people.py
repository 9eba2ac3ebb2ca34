"""People: the list with its search, and the page of one person."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html, format_html_join

from audiences.admin import person, wording
from audiences.admin.answers import AnswerForm, record_answer
from audiences.admin.erasing import Erasing
from audiences.admin.panels import panels_of
from audiences.admin.search import by_term
from audiences.models import Profile
from syncapp.accounts.models import User
from syncapp.admin.base import Role, TenantAdmin


@admin.register(Profile)
class PersonAdmin(Erasing, TenantAdmin):
    """People come in through audiences and connections; here they are found, read, and their answers
    recorded.
    """

    list_display = ("who", "external_id", "name", "answers", "came_by", "created_at")
    list_display_links = ("who",)
    ordering = ("-id",)
    sortable_by = ()
    list_per_page = 25
    search_fields = ("email",)
    search_help_text = "E-mail address, external id or another identifier, whole or its beginning"
    add_role = delete_role = None
    change_role = None
    answer_role = Role.EDITOR
    empty_state = {
        "icon": "group",
        "title": "Nobody here yet",
        "next": "People arrive when a system pushes them into an audience. Make an API key and use the ready command.",
        "act": "Make an API key",
        "link": "/admin/accounts/apikey/add/",
    }

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Profile], search_term: str
    ) -> tuple[QuerySet[Profile], bool]:
        return by_term(queryset, search_term), False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        labels = wording.objective_labels()
        rows = list(changelist.result_list)
        for row in rows:
            row.objective_labels = labels
        changelist.result_list = rows
        return changelist

    @admin.display(description="Person")
    def who(self, profile: Profile) -> str:
        return str(profile)

    @admin.display(description="Name")
    def name(self, profile: Profile) -> str:
        return profile.name

    @admin.display(description="Source")
    def came_by(self, profile: Profile) -> str:
        return wording.source(profile.source)

    @admin.display(description="Consent")
    def answers(self, profile: Profile) -> str:
        badge = '<span class="badge badge-{}">{}</span> '
        labels = getattr(profile, "objective_labels", {})
        pairs = sorted(profile.consents.items())[:4]
        return format_html_join(
            "",
            badge,
            (
                ("good" if held["state"] == "granted" else "bad", labels.get((profile.account_id, key), key))
                for key, held in pairs
            ),
        ) or format_html('<span class="quiet">{}</span>', "no answer")

    def get_urls(self) -> list[Any]:
        answer = path(
            "<path:object_id>/answer/",
            self.admin_site.admin_view(self.answer_view),
            name="audiences_profile_answer",
        )
        return [*self.narrowed([answer]), *super().get_urls()]

    def has_answer_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_role(request, self.answer_role, obj)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        profile = self.get_object(request, object_id)
        if profile is None or not self.has_view_permission(request, profile):
            raise PermissionDenied
        return self._page(request, profile, AnswerForm())

    def answer_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        profile = self.get_object(request, object_id)
        if request.method != "POST" or not self.has_answer_permission(request, profile):
            raise PermissionDenied
        form = AnswerForm(request.POST)
        if not form.is_valid():
            return self._page(request, profile, form)
        if record_answer(profile, form, by=cast(User, request.user)):
            self.message_user(request, "The answer is in the ledger and holds from now on.", messages.SUCCESS)
        else:
            words = "The answer is in the ledger. It changes nothing: a later answer stands."
            self.message_user(request, words, messages.WARNING)
        return redirect("admin:audiences_profile_change", profile.pk)

    def _page(self, request: HttpRequest, profile: Profile, form: AnswerForm) -> TemplateResponse:
        return TemplateResponse(
            request,
            "audiences/person.html",
            {
                **self.admin_site.each_context(request),
                "title": str(profile),
                "opts": self.opts,
                "original": profile,
                "profile": profile,
                "identifiers": person.identifiers_of(profile),
                "properties": person.properties_of(profile),
                "answers": person.answers_of(profile),
                "ledger": person.ledger_of(profile),
                "came_by": wording.source(profile.source) if profile.source else "",
                "audiences": person.audiences_of(profile),
                "panels": panels_of(request, profile),
                "form": form if self.has_answer_permission(request, profile) else None,
                "may_erase": self.has_erase_permission(request, profile),
            },
        )
