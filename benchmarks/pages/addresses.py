"""Every page of a signed-in person and the lists of REST, each about the fullest thing of its kind."""

from __future__ import annotations

from urllib.parse import quote

from django.db.models import Count
from django.urls import reverse

from deployments.models import Operation, Service
from frontend import tables
from frontend.urls import urlpatterns
from portal.accounts.models import Event, ResourceGroup
from registry.models import Image, Manifest, ModelVersion, RegisteredModel

#: pages that are no look at the portal: buttons, documents of a service, streams, and what needs somebody who is not signed in
NOT_WALKED = {
    "apply_proposal", "ask_golden", "card_preview", "collected_day", "delete_collected", "delete_golden", "delete_view", "download_collected",
    "draft_golden", "follow_alias", "model_file", "model_picture", "open_openapi", "open_swagger", "operation_lines", "operation_log",
    "operation_stream", "regenerate_key", "search_anywhere", "service_logs_download", "service_openapi", "service_swagger", "setup", "stop_old_key", "support_bundle",
}  # fmt: skip
#: what is typed: a word of many things, of which a page is full in both databases, a tag, and one that nothing has
TYPED = {"of many": "scorer", "one": "nightly", "of none": "zzzyqx"}


TABLES = {
    "models": tables.ModelTable,
    "manifests": tables.ManifestTable,
    "images": tables.ImageTable,
    "services": tables.ServiceTable,
    "environments": tables.EnvironmentTable,
    "operations": tables.OperationTable,
    "audit": tables.EventTable,
}


def words_of(thing: str) -> dict[str, str]:
    """What is typed in the list of a thing that it has few of."""
    return {**TYPED, "of few": thing}


def pages() -> dict[str, str]:
    """Name -> address in the group `demo`."""
    group = ResourceGroup.objects.get(name="demo")
    mine = {"group": group}
    name = RegisteredModel.objects.filter(**mine).annotate(count=Count("versions")).order_by("-count").first()
    version = ModelVersion.objects.filter(model=name).select_related("model").order_by("-number").first()
    before = ModelVersion.objects.filter(model=name, number__lt=version.number).select_related("model").order_by("-number").first()
    alias = name.aliases.first()
    manifest = Manifest.objects.filter(**mine).order_by("-created_at").first()
    older = Manifest.objects.filter(**mine, name=manifest.name).exclude(pk=manifest.pk).order_by("-number").first() or manifest
    image = Image.objects.filter(**mine).exclude(digest="").order_by("-created_at").first()
    service = Service.objects.filter(**mine).annotate(count=Count("revisions")).order_by("-count", "name").first()
    operations = Operation.objects.filter(**mine).order_by("-created_at")
    states = {state: operations.filter(state=state).first() for state in ("Running", "Succeeded", "Failed")}
    event = Event.objects.filter(**mine).order_by("-pk").first()

    def at(page: str, *args: object) -> str:
        return reverse(f"pages:{page}", args=[group.name, *(str(arg) for arg in args)])

    found = {
        "start": "/",
        "help": "/help",
        "system": "/system",
        "profile": "/profile",
        "notifications": "/notifications",
        "users": "/users",
        "new_group": "/groups/new",
        "api_docs": "/api/docs/",
    }
    found |= {page: at(page) for page in ("home", "members", "running", "deploy", "search")}
    few = {
        "models": version.description or version.model.name,
        "manifests": str(manifest),
        "images": str(image),
        "services": service.name,
        "environments": "gpu",
        "operations": service.name,
        "audit": str(image),
    }
    for list_page in ("models", "manifests", "images", "services", "environments", "operations", "audit"):
        found[list_page] = at(list_page)
        found[f"{list_page}, a page of 100, dense"] = f"{at(list_page)}?size=100"
        found[f"{list_page}, page 3"] = f"{at(list_page)}?page=3"
        for words, text in (words_of(few[list_page]) | ({"of many": "-api-"} if list_page == "services" else {})).items():
            found[f"{list_page}, typed a word {words}"] = f"{at(list_page)}?q={quote(text)}"
        table = TABLES[list_page]
        for column in (name for name, one in table.base_columns.items() if one.orderable is not False):
            found[f"sorted {list_page}, {column}"] = f"{at(list_page)}?sort=-{column}"
    found["find_models"] = f"{at('find_models')}?q=fraud"
    found["models by tag"] = f"{at('models')}?tag=nightly"
    found["models by name"] = f"{at('models')}?name={name}"
    found["models by size"] = f"{at('models')}?sort=-size"
    found["manifests by model"] = f"{at('manifests')}?model={name}"
    found["images by model"] = f"{at('images')}?model={name}"
    found["services by image"] = f"{at('services')}?image={image.name}"
    found["operations that failed"] = f"{at('operations')}?state=Failed"
    found["operations that run"] = f"{at('operations')}?running=1"
    found["audit of a person"] = f"{at('audit')}?actor={event.actor_label}"
    found["audit of a month"] = f"{at('audit')}?since={event.created_at:%Y-%m}-01"
    found["activity of a service"] = f"{at('audit')}?subject_type=service&subject_id={service.pk}"
    for words, text in {**words_of(str(manifest)), "that is an id": str(version.pk), "that is a digest": version.digest[:30]}.items():
        found[f"search, a word {words}"] = f"{at('search')}?q={quote(text)}"
    found |= {
        "model": at("model", version),
        "model by alias": at("model", alias),
        "model, card": at("model", version) + "?tab=card",
        "model, used by": at("model", version) + "?tab=used",
        "model_name": at("model_name", name),
        "model_name, versions": at("model_name", name) + "?tab=versions",
        "model_name, used by": at("model_name", name) + "?tab=used",
        "compare_models": f"{at('compare_models', version)}?with={before}",
        "compare_manifests": f"{at('compare_manifests', manifest)}?with={older}",
        "model_name_check": f"{at('model_name_check')}?name={name}",
    }
    found |= {page: at(page, version) for page in ("edit_model", "edit_card", "move_alias", "delete_model")}
    found |= {page: at(page, manifest) for page in ("manifest", "delete_manifest")}
    found |= {page: at(page, image) for page in ("image", "delete_image")}
    found |= {page: at(page) for page in ("new_model", "new_manifest", "new_image", "new_service", "new_environment")}
    found |= {page: at(page, "docker") for page in ("environment", "edit_environment", "delete_environment")}
    tabs = ("try", "docs", "keys", "metrics", "collected", "logs", "history", "golden", "settings")
    found |= {f"service_{tab}": at(f"service_{tab}", service.name) for tab in tabs}
    found |= {page: at(page, service.name) for page in ("service", "delete_service", "collection_settings", "open_service", "open_docs")}
    found["service_metrics, a month"] = at("service_metrics", service.name) + "?range=30d"
    found["roll_back"] = at("roll_back", service.name, 1)
    found |= {
        "operation" + (f", {state.lower()}" if state != "Succeeded" else ""): at("operation", row.pk) for state, row in states.items()
    }
    running, done = states["Running"], states["Succeeded"]
    found |= {"deploying": at("deploying", running.pk), "operation_find": f"{at('operation_find', done.pk)}?q=error"}
    known = {page.partition(",")[0] for page in found} | NOT_WALKED
    views = {one.name: getattr(one.callback, "view_class", None) for one in urlpatterns}
    if missing := sorted(name for name, view in views.items() if name not in known and view and view.http_method_names != ["post"]):
        print(f"not walked: {', '.join(missing)}")
    return found


def rest() -> dict[str, str]:
    root = "/api/v1/groups/demo"
    service = Service.objects.filter(group__name="demo").annotate(count=Count("revisions")).order_by("-count", "name").first()
    lists = ("models", "models/names", "manifests", "images", "environments", "services", "operations", "events", "members", "views")
    counted = RegisteredModel.objects.filter(group__name="demo").annotate(count=Count("versions"))
    name = counted.filter(count__gt=0).order_by("count", "name").first().name
    found = {f"REST {noun}": f"{root}/{noun}/" for noun in lists}
    found |= {f"REST models, {words}": f"{root}/models/?q={quote(text)}" for words, text in words_of(name).items()}
    found |= {"REST groups": "/api/v1/groups/", "REST service": f"{root}/services/{service.name}/"}
    found["REST revisions"] = f"{root}/services/{service.name}/revisions/"
    return found


def exports() -> dict[str, str]:
    nouns = ("models", "manifests", "images", "services", "operations", "audit")
    return {f"{noun}.csv": f"{reverse(f'pages:{noun}', args=['demo'])}?export=csv" for noun in nouns}
