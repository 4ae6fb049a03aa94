"""Lint of several tools together, and what a project has it check."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import ProjectRequest, member
from console.lib.problems import problem
from tools_registry.lint import PROVIDERS, read_words
from tools_registry.lint_settings import add_words, read_rules
from tools_registry.models import LintSettings, LintWord, Toolset
from tools_registry.toolset_lint import lint_project, lint_toolset

_TITLES = {"openai": "OpenAI", "anthropic": "Anthropic", "gemini": "Gemini"}
_LIMITS = {
    "most_tools": ("Tools in one set", "From more on, lint says that a model chooses worse."),
    "heavy_tool": ("Tokens of one definition", "Characters of its JSON / 4, in every request."),
    "heavy_toolset": ("Tokens of a whole set", "All definitions that a request offers."),
}
_LONGEST = 200_000
_MOST = 1_000_000


class LintForm(forms.Form):
    """The providers whose strictness counts, and the limits."""

    providers = forms.MultipleChoiceField(
        choices=[(name, _TITLES[name]) for name in PROVIDERS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    most_tools = forms.IntegerField(min_value=1, max_value=10_000)
    heavy_tool = forms.IntegerField(min_value=1, max_value=_MOST)
    heavy_toolset = forms.IntegerField(min_value=1, max_value=_MOST)


@member("viewer")
@require_safe
def show_toolset(request: ProjectRequest) -> HttpResponse:
    """The tools in use, or those of one recorded toolset, held against each other."""
    number = request.GET.get("toolset", "")
    toolset = None
    if number:
        known = int(number) if number.isdecimal() and len(number) < 18 else 0
        toolset = get_object_or_404(Toolset, pk=known, project=request.project)
    rules = read_rules(request.project)
    found = lint_toolset(toolset, rules) if toolset else lint_project(request.project, rules)
    context = {"found": found, "toolset": toolset, "limits": rules.limits}
    return render(request, "tools_registry/toolset_lint.html", context)


@member("viewer")
@require_safe
def show_settings(request: ProjectRequest) -> HttpResponse:
    rules = read_rules(request.project)
    form = LintForm(
        initial={
            "providers": rules.providers,
            "most_tools": rules.limits.most_tools,
            "heavy_tool": rules.limits.heavy_tool,
            "heavy_toolset": rules.limits.heavy_toolset,
        }
    )
    return _render(request, form)


def _render(request: ProjectRequest, form: LintForm) -> HttpResponse:
    words = LintWord.objects.filter(project=request.project).select_related("created_by")
    query = request.GET.get("q", "").strip().replace("\0", "")[:60]
    if query:
        words = words.filter(word__contains=query.casefold())
    after = request.GET.get("after", "").replace("\0", "")[:60]
    found = list(words.filter(word__gt=after).order_by("word")[:201])
    context: dict[str, Any] = {
        "tab": "lint",
        "form": form,
        "limits": [(form[name], *told) for name, told in _LIMITS.items()],
        "words": found[:200],
        "after": found[199].word if len(found) > 200 else "",
        "word_count": LintWord.objects.filter(project=request.project).count(),
        "query": query,
        "may_change": request.member.may("engineer"),
    }
    status = 422 if form.errors else 200
    return render(request, "tools_registry/lint_settings.html", context, status=status)


@member("engineer")
@require_POST
def save_settings(request: ProjectRequest) -> HttpResponse:
    form = LintForm(request.POST)
    if not form.is_valid():
        return _render(request, form)
    LintSettings.objects.update_or_create(project=request.project, defaults=form.cleaned_data)
    messages.success(request, "Saved. Lint checks by this from now on.")
    return redirect("tools_registry:lint-settings", request.project.slug)


@member("engineer")
@require_POST
def save_words(request: ProjectRequest) -> HttpResponse:
    """Add words, one or a whole list; back to where they were added, or JSON where it is asked."""
    text = request.POST.get("words", "").replace("\0", "")
    words = read_words(text[:_LONGEST])
    if request.headers.get("Accept", "").startswith("application/json"):
        return _answer(request, words)
    if len(text) > _LONGEST:
        messages.error(request, f"Add at most {_LONGEST:,} characters at a time.")
    elif not words:
        messages.error(request, "Nothing was added: words have three letters or more, from a to z.")
    else:
        _add(request, words)
    return _go_back(request)


def _answer(request: ProjectRequest, words: list[str]) -> HttpResponse:
    try:
        return JsonResponse({"added": add_words(request.project, words, request.user)})
    except ValueError as error:
        return problem(422, "too_many_words", f"{error}.")


def _add(request: ProjectRequest, words: list[str]) -> None:
    try:
        new = add_words(request.project, words, request.user)
    except ValueError as error:
        messages.error(request, f"{error}.")
        return
    if len(new) == 1:
        messages.success(request, f"“{new[0]}” is one of the project's words.")
    elif new:
        messages.success(request, f"{len(new):,} words added.")
    else:
        messages.info(request, "They are among the project's words already.")


def _go_back(request: ProjectRequest) -> HttpResponseRedirect:
    page = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(page, allowed_hosts=None):
        return HttpResponseRedirect(page)
    return redirect("tools_registry:lint-settings", request.project.slug)


@member("engineer")
@require_POST
def remove_word(request: ProjectRequest) -> HttpResponse:
    word = request.POST.get("word", "").replace("\0", "")
    gone, _ = LintWord.objects.filter(project=request.project, word=word).delete()
    if gone:
        messages.success(request, f"“{word}” is none of the project's words any more.")
    return redirect("tools_registry:lint-settings", request.project.slug)


@member("viewer")
@require_safe
def download_words(request: ProjectRequest) -> HttpResponse:
    """The file that ``lint_tools --dictionary`` takes."""
    words = LintWord.objects.filter(project=request.project).order_by("word")
    lines = [f"# Words of {request.project}", *words.values_list("word", flat=True)]
    answer = HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="words.txt"'
    return answer
