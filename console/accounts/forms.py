"""The forms of accounts and settings. Every refusal says what to enter instead."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from console.accounts.models import ROLES, SCOPES, Project, User

_PASSWORD_LENGTH = 1000
_SCOPE_TEXTS = {
    "ingest": "send turns and traces",
    "read": "read what the project holds, and ask for verdicts",
    "replay": "start replays and backtests",
    "execute": "have tools run, as their policies say",
    "admin": "change tools and their versions",
}
_ROLE_TEXTS = {
    "viewer": "reads everything",
    "responder": "also runs models",
    "engineer": "also changes tools",
    "admin": "also manages members",
}
ROLE_CHOICES = [(role, f"{role.capitalize()}: {_ROLE_TEXTS[role]}") for role in ROLES]
SCOPE_CHOICES = [(scope, _SCOPE_TEXTS[scope]) for scope in SCOPES]


class Form(forms.Form):
    """A form whose fields wear the console's controls."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field.widget, forms.Select):
                field.widget.attrs["class"] = "sel"
            elif isinstance(field.widget, forms.CheckboxSelectMultiple):
                field.widget.attrs["class"] = "form-check-input"
            else:
                field.widget.attrs["class"] = "inp"


def _email(**options: Any) -> forms.EmailField:
    widget = forms.EmailInput(attrs={"autocomplete": "username", "spellcheck": "false"})
    return forms.EmailField(label="E-mail", widget=widget, **options)


def _password(label: str, *, is_new: bool) -> forms.CharField:
    autocomplete = "new-password" if is_new else "current-password"
    return forms.CharField(
        label=label,
        strip=False,
        max_length=_PASSWORD_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
    )


def _name(label: str, **options: Any) -> forms.CharField:
    attrs = {"autocomplete": options.pop("autocomplete", "off")}
    return forms.CharField(
        label=label, max_length=100, widget=forms.TextInput(attrs=attrs), **options
    )


class SignInForm(Form):
    email = _email()
    password = _password("Password", is_new=False)


class NewPasswordForm(Form):
    """A password that nobody sees while typing, so twice; ``user`` is whose it becomes."""

    new_password = _password("New password", is_new=True)
    repeated = _password("New password again", is_new=True)

    def __init__(self, *args: Any, user: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["new_password"].help_text = "At least 10 characters."

    def owner(self) -> User | None:
        """Whose name and e-mail the password may not resemble."""
        return self.user

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        password, repeated = cleaned.get("new_password"), cleaned.get("repeated")
        if password and repeated and password != repeated:
            self.add_error("repeated", "The two passwords differ. Type the same one twice.")
        if password:
            try:
                validate_password(password, self.owner())
            except forms.ValidationError as error:
                self.add_error("new_password", error)
        return cleaned


class PasswordForm(NewPasswordForm):
    password = _password("Current password", is_new=False)
    field_order = ("password", "new_password", "repeated")

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        assert self.user is not None
        if not self.user.check_password(password):
            raise forms.ValidationError("This is not your current password.")
        return password


class JoinForm(NewPasswordForm):
    """For a new user; ``email`` is fixed where the invitation names one."""

    name = _name("Your name", autocomplete="name")
    email = _email()
    project_name = _name("Name of the first project", initial="Default")
    field_order = ("name", "email", "new_password", "repeated", "project_name")

    def __init__(self, *args: Any, fixed_email: str, is_first: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].label = "Password"
        self.fields["repeated"].label = "Password again"
        if fixed_email:
            self.fields["email"].disabled = True
            self.fields["email"].initial = fixed_email
            self.fields["email"].help_text = "The invitation is for this address."
        if is_first:
            self.fields["project_name"].help_text = "Tools and conversations belong to a project."
        else:
            del self.fields["project_name"]

    def owner(self) -> User:
        names = {name: self.cleaned_data.get(name, "") for name in ("name", "email")}
        return User(**names)

    def clean_email(self) -> str:
        return free_email(self.cleaned_data["email"])


EMAIL_TAKEN = "An account has this e-mail. Sign in with it, then open the link again."


def free_email(email: str) -> str:
    """The e-mail as it is stored; raises ValidationError when an account has it."""
    email = email.lower()
    if User.objects.filter(email=email).exists():
        raise forms.ValidationError(EMAIL_TAKEN, code="taken")
    return email


class AccountForm(Form):
    """The user's name and e-mail. A new e-mail needs the password: it is the way in."""

    name = _name("Name", autocomplete="name")
    email = _email()
    password = _password("Current password", is_new=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"name": user.name, "email": user.email})
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["password"].required = False
        self.fields["password"].help_text = "Only needed for a new e-mail."

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(email=email).exclude(pk=self.user.pk).exists():
            raise forms.ValidationError("Another account has this e-mail. Enter another one.")
        return email

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        is_new = cleaned.get("email", self.user.email) != self.user.email
        if is_new and not self.user.check_password(cleaned.get("password") or ""):
            self.add_error("password", "Enter your current password to change the e-mail.")
        return cleaned


class ProjectForm(Form):
    name = _name("Name")


class DeleteProjectForm(Form):
    typed = _name("Type the project's name")

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        self.fields["typed"].label = f"Type “{project.name}” to confirm"

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self.project.name:
            raise forms.ValidationError(
                f"Nothing was deleted: this is not the name “{self.project.name}”."
            )
        return typed


class RoleForm(Form):
    role = forms.ChoiceField(choices=[(role, role.capitalize()) for role in ROLES])


class InvitationForm(Form):
    email = forms.EmailField(
        label="E-mail",
        required=False,
        help_text="Optional. With it, only this address can use the link. No mail is sent.",
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(label="Role", choices=ROLE_CHOICES, initial="engineer")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class KeyForm(Form):
    """``scopes`` are those that some address of this console asks for."""

    name = _name("Name", help_text="Where the key is used, such as “checkout, production”.")
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=SCOPE_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one scope."},
    )

    def __init__(self, *args: Any, scopes: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [choice for choice in SCOPE_CHOICES if choice[0] in scopes]
