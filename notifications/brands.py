"""Which site a message is for, and how it looks there: the course's, else the person's, else as installed. Read next: brand_admin.py."""

from collections.abc import Mapping, Sequence
from email.utils import formataddr, parseaddr
from functools import partial

from django.conf import settings

from channels_ace.api import Delivery, Look
from notifications.brand_models import Brand, BrandMember, BrandText
from notifications.links import links_lead_to


def looks_of(deliveries: Sequence[Delivery]) -> Mapping[int, Look]:
    """This function will give the looks of deliveries by their key, in at most three statements; one where there is no brand."""
    brands = {brand.pk: brand for brand in Brand.objects.order_by("pk")}
    if not brands:
        return {}
    of_org = {org: brand.pk for brand in reversed(brands.values()) for org in brand.orgs}
    members = BrandMember.objects.filter(user__in={delivery.user_id for delivery in deliveries})
    of_person = dict(members.values_list("user_id", "brand_id"))
    chosen = {one.pk: of_org.get(_org(one.message.scope)) or of_person.get(one.user_id) for one in deliveries}
    looks = _looks([brands[key] for key in sorted({key for key in chosen.values() if key})])
    return {pk: looks[key] for pk, key in chosen.items() if key}


def look_of(brand: Brand) -> Look:
    """This function will give the look of one brand, for a preview."""
    return _looks([brand])[brand.pk]


def _looks(brands: Sequence[Brand]) -> dict[int, Look]:
    texts: dict[int, dict[tuple[str, str, str], str]] = {brand.pk: {} for brand in brands}
    for text in BrandText.objects.filter(brand__in=texts):
        texts[text.brand_id][text.type, text.file, text.language] = text.text
    return {brand.pk: _look(brand, texts[brand.pk]) for brand in brands}


def _look(brand: Brand, texts: Mapping[tuple[str, str, str], str]) -> Look:
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return Look(
        key=str(brand.pk),
        sender=formataddr((brand.sender_name or brand.name or name, brand.sender_address or address)),
        brand={"name": brand.name, "logo": brand.logo, "colour": brand.colour, "footer": brand.footer},
        texts=texts,
        around=partial(links_lead_to, brand.address or settings.SITE_URL),
    )


def _org(scope: str) -> str:
    return scope.removeprefix("course-v1:").split("+")[0] if scope.startswith("course-v1:") else ""
