"""Forms of the settings page."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User
from webapp.accounts.rights import Role, Scope
from webapp.accounts.signup import LEAST_CHARACTERS


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Token name"),
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("Where it will be used"), "class": "linkname"}),
    )
    scope = forms.ChoiceField(
        label=_("Scope"),
        choices=[
            (Scope.READ, _("Read: look, download")),
            (Scope.WRITE, _("Read and write: train, deploy, label")),
            (Scope.ADMIN, _("Admin: also budget, prices and members")),
        ],
        initial=Scope.WRITE,
        help_text=_("Never more than your own role allows."),
    )
    days = forms.TypedChoiceField(
        label=_("Expires"),
        choices=[
            ("30", _("In 30 days")),
            ("90", _("In 90 days")),
            ("365", _("In a year")),
            ("", _("Never (no expiry)")),
        ],
        initial="90",
        coerce=int,
        empty_value=None,
        required=False,
    )

    @classmethod
    def completed(cls, data: QueryDict) -> "TokenForm":
        """With the defaults of the page for what was not sent, so that nobody gets a token that never expires unasked."""
        data = data.copy()
        for name in ("scope", "days"):
            data.setdefault(name, cls.base_fields[name].initial)
        return cls(data)


MOST_DAYS = 3650


class RetentionForm(forms.Form):
    """How many days something is kept. Empty: as long as the site does; 0: for good."""

    days = forms.IntegerField(
        label=_("Days"),
        min_value=0,
        max_value=MOST_DAYS,
        required=False,
        help_text=_("Empty for the default of this site, 0 to keep it for good."),
    )


class WorkspaceForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)


class FactorForm(forms.Form):
    required = forms.BooleanField(label=_("Members need a second factor"), required=False)


class ProfileForm(forms.Form):
    email = forms.EmailField(label=_("Email"))
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        help_text=_("Only needed to change your email."),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not user.has_usable_password():
            del self.fields["password"]


class MemberRoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class InvitationForm(forms.Form):
    email = forms.EmailField(label=_("Email"), max_length=254)
    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, roles: Sequence[Role], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = cast(forms.ChoiceField, self.fields["role"])
        field.choices = [(role.value, role.label) for role in roles]
        field.initial = Role.EDITOR


class JoinForm(forms.Form):
    """The password of a new account."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, email: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.email = email
        self.fields["password"].help_text = _("At least %(count)d characters.") % {"count": LEAST_CHARACTERS}

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, User(email=self.email))
        return password
