"""Who may see and change what: users, projects, their members, invitations and API keys."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models.options import Options
from django.utils import timezone

ROLES = ("viewer", "responder", "engineer", "admin")
SCOPES = ("ingest", "read", "replay", "execute", "admin")
INVITATION_LIFETIME = timedelta(days=7)


def hash_token(token: str) -> str:
    """SHA-256 of a random token, 64 hexadecimal digits: enough, as the token has 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    sessions_ended = models.PositiveIntegerField(default=0, editable=False)
    """How often the user ended all sessions; a part of what every session is checked against."""

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def initials(self) -> str:
        words = (self.name or self.email.split("@")[0].replace(".", " ")).split()
        return "".join(word[0] for word in words[:2]).upper()

    @classmethod
    def normalize_username(cls, username: str) -> str:
        return super().normalize_username(username).lower()

    def end_sessions(self) -> None:
        """End every session of this user, in whatever browser."""
        self.sessions_ended = models.F("sessions_ended") + 1
        self.save(update_fields=["sessions_ended"])
        self.refresh_from_db(fields=["sessions_ended"])

    def get_session_auth_hash(self) -> str:
        return self._tie_to_sessions(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        return map(self._tie_to_sessions, super().get_session_auth_fallback_hash())

    def _tie_to_sessions(self, digest: str) -> str:
        return hash_token(f"{digest}:{self.sessions_ended}")


class Project(models.Model):
    """A tenant. Nothing crosses it."""

    slug = models.SlugField(unique=True, max_length=50)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Member", related_name="projects")

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    project = models.ForeignKey(Project, models.CASCADE)
    user = models.ForeignKey(User, models.CASCADE)
    role = models.CharField(max_length=10, choices=[(role, role.capitalize()) for role in ROLES])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}, {self.role}"

    def may(self, role: str) -> bool:
        """Whether this member's role is ``role`` or a higher one."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Invitation(models.Model):
    """A one-time link into a project; without a project it makes the first administrator."""

    project = models.ForeignKey(Project, models.CASCADE, null=True, blank=True)
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=10, choices=[(role, role.capitalize()) for role in ROLES])
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.email or 'first administrator'} as {self.role}"

    @classmethod
    def issue(cls, **fields: object) -> tuple[Self, str]:
        """A new invitation and its token, which is not stored."""
        token = secrets.token_urlsafe(32)
        expires_at = timezone.now() + INVITATION_LIFETIME
        return cls.objects.create(
            token_hash=hash_token(token), expires_at=expires_at, **fields
        ), token

    @property
    def is_open(self) -> bool:
        return self.used_at is None and self.expires_at > timezone.now()


class ApiKey(models.Model):
    """A key of a project, known by its hash; ``prefix`` is what a person recognises it by."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    key_hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(
        models.CharField(max_length=10, choices=[(scope, scope) for scope in SCOPES])
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    def issue(cls, **fields: object) -> tuple[Self, str]:
        """A new key and its text, which is shown once and not stored."""
        text = f"mf_{secrets.token_urlsafe(32)}"
        return cls.objects.create(prefix=text[:9], key_hash=hash_token(text), **fields), text

    @classmethod
    def find(cls, text: str) -> Self | None:
        """The live key with this text, and its project with it."""
        query, names, other_names = _find_key()
        with connection.cursor() as cursor:
            cursor.execute(query, [hash_token(text)])
            row = cursor.fetchone()
        if row is None:
            return None
        key = cls.from_db(connection.alias, names, row[: len(names)])
        key.project = Project.from_db(connection.alias, other_names, row[len(names) :])
        return key


# Every request of a program asks for its key: building the query anew would take longer than
# running it.
@cache
def _find_key() -> tuple[str, list[str], list[str]]:
    """The statement, and the fields of the key and of its project that it reads."""
    key, project = ApiKey._meta, Project._meta
    columns = [
        f'{meta.db_table}."{field.column}"'
        for meta in (key, project)
        for field in meta.concrete_fields
    ]
    query = (
        f"SELECT {', '.join(columns)} FROM {key.db_table}"
        f" JOIN {project.db_table} ON {project.db_table}.id = project_id"
        " WHERE key_hash = %s AND revoked_at IS NULL"
    )
    return query, _names(key), _names(project)


def _names(meta: Options[Any]) -> list[str]:
    return [field.attname for field in meta.concrete_fields]
