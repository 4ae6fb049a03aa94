"""What every page shows around itself: the project, its pages, and the palette's entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from console.accounts.models import Member, Project, User
from conversations.incidents.counting import count_open


@dataclass(frozen=True)
class Page:
    """An entry of the sidebar: a page of a project, or of the whole console."""

    label: str
    icon: str
    url_name: str
    key: str
    """Pressed after G, it goes to the page."""
    in_project: bool = True
    also: tuple[str, ...] = ()
    """Other pages that belong to it."""


PAGES = (
    Page("Overview", "layout-dashboard", "console:overview", "o"),
    Page(
        "Conversations",
        "messages",
        "conversations:conversation-list",
        "c",
        also=("conversations:turn-list", "conversations:call-list"),
    ),
    Page("Incidents", "flame", "conversations:incident-list", "i"),
    Page(
        "Replays",
        "repeat",
        "conversations:replay-list",
        "r",
        also=("conversations:suite-list",),
    ),
    Page(
        "Tools",
        "function",
        "tools_registry:tool-list",
        "t",
        also=("conversations:backtest-list", "conversations:router-list"),
    ),
    Page("Playground", "terminal-2", "conversations:playground", "p"),
    Page("Analytics", "chart-histogram", "analytics:first", "a"),
    Page("Alerts", "bell", "analytics:alert-list", "l"),
    Page(
        "Settings",
        "settings",
        "accounts:project-settings",
        "s",
        also=(
            "conversations:connection-list",
            "conversations:ingest",
            "conversations:connect",
            "conversations:redaction",
            "conversations:retention",
            "conversations:erasure",
            "tools_registry:lint-settings",
            "tools_registry:host-list",
        ),
    ),
)
FOOT = (Page("Docs", "book", "console:docs-index", "d", in_project=False),)


@dataclass(frozen=True)
class Link:
    """A page's entry with its address for this request."""

    label: str
    icon: str
    key: str
    url: str
    current: bool
    count: int = 0
    """What waits there, shown beside it."""


class Shell:
    """The frame of one request's page. Reads nothing before a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def user(self) -> User | None:
        user = getattr(self._request, "user", None)
        return user if isinstance(user, User) else None

    @cached_property
    def member(self) -> Member | None:
        """The membership that this page is about; elsewhere, that of the project used last."""
        found = getattr(self._request, "member", None)
        if found is not None:
            remember_project(self._request, found.project)
            return found  # type: ignore[no-any-return]
        return find_last_member(self._request)

    @cached_property
    def project(self) -> Project | None:
        return self.member.project if self.member else None

    @cached_property
    def projects(self) -> list[Project]:
        return list(self.user.projects.order_by("name")) if self.user else []

    @cached_property
    def nav(self) -> list[Link]:
        return [self._link(page) for page in PAGES] if self.project else []

    @cached_property
    def foot(self) -> list[Link]:
        return [self._link(page) for page in FOOT]

    @property
    def pages(self) -> list[Link]:
        return [*self.nav, *self.foot]

    @property
    def palette_url(self) -> str:
        if not self.project:
            return reverse("console:palette")
        return reverse("console:project-palette", args=[self.project.slug])

    def _link(self, page: Page) -> Link:
        args = [self.project.slug] if page.in_project and self.project else []
        url, *others = (reverse(name, args=args) for name in (page.url_name, *page.also))
        path = self._request.path
        if page.url_name == "console:overview":
            current = path == url
        else:
            current = path.startswith((url, *others))
        return Link(page.label, page.icon, page.key, url, current, self._count(page))

    def _count(self, page: Page) -> int:
        if self.project is None or page.url_name != "conversations:incident-list":
            return 0
        return count_open(self.project.pk)


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: ``shell``, for every page with or without a project or a user."""
    return {"shell": Shell(request)}


def remember_project(request: HttpRequest, project: Project) -> None:
    if request.session.get("project") != project.slug:
        request.session["project"] = project.slug


def find_last_member(request: HttpRequest) -> Member | None:
    """The user's membership of the project used last, else of any; None without one."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return None
    members = Member.objects.select_related("project").filter(user=user).order_by("project__name")
    last = request.session.get("project")
    return members.filter(project__slug=last).first() or members.first()


def palette_entries(shell: Shell) -> Iterator[dict[str, str]]:
    """What the palette finds: pages, other projects and the account; each {kind, label, url}."""
    for link in shell.pages:
        yield {"kind": "Page", "label": link.label, "icon": link.icon, "url": link.url}
    yield {
        "kind": "Page",
        "label": "Account",
        "icon": "user-circle",
        "url": reverse("accounts:account"),
    }
    for project in shell.projects:
        if project != shell.project:
            yield {
                "kind": "Project",
                "label": project.name,
                "icon": "folder",
                "url": reverse("console:overview", args=[project.slug]),
            }
