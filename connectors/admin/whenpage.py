"""The page on which it is changed when a goal runs."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from connectors.admin.when import WhenForm, chosen_values, form_values
from connectors.models import Goal
from connectors.schedules import in_words
from connectors.wizard.when import set_when


def edit(model_admin: Any, request: HttpRequest, goal: Goal) -> HttpResponseBase:
    form = WhenForm(request.POST if request.method == "POST" else None, goal=goal)
    if form.is_bound and form.is_valid():
        set_when(goal, form.cleaned_when)
        messages.success(request, f"Kept. Full runs: {in_words(form.schedule)}.")
        return redirect(reverse("admin:connectors_goal_change", args=[goal.pk]))
    context = model_admin.page_context(
        request, goal, f"When {goal} runs", goal=goal, form=form, **form_values(goal, form)
    )
    return TemplateResponse(request, "connectors/goal/when.html", context)


def show_next(request: HttpRequest, goal: Goal) -> HttpResponse:
    """What the page asks for while one chooses. Keeps nothing."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    values = chosen_values(goal, WhenForm(request.POST, goal=goal))
    return TemplateResponse(request, "connectors/includes/next_runs.html", values)
