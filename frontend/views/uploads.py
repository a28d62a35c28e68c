"""Forms that take large files: hashed while they arrive, and kept in an upload set when the form is refused."""

from __future__ import annotations

from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from portal.accounts.permissions import require
from portal.errors import PortalError
from registry.actions.uploads import add_uploaded_files, find_upload_set, open_upload_set
from registry.models import UploadSet
from registry.uploads import BlobUploadHandler, receive_form_files

#: files of a form that is shown again
SHOWN = 20


class StagedUploadsMixin:
    """For an ActionView with `permission`: who may not act is refused before the body is read."""

    @method_decorator(csrf_exempt)
    def dispatch(self, request, *args, **kwargs):
        """The handler must be in place before anything looks into the body, and Django's own CSRF check looks."""
        if request.method == "POST" and request.user.is_authenticated:
            try:
                require(request.user, self.permission, self.group)
            except PortalError as error:
                return self.refused_page(error)
            request.upload_handlers = [BlobUploadHandler(request)]
        return self._protected(request, *args, **kwargs)

    @method_decorator(csrf_protect)
    def _protected(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)

    def collect(self, form, values: dict, *, field: str, set_field: str) -> UploadSet | None:
        """The set with the files that script has sent and those that came with the form; None without any.

        Runs outside the action's transaction: should the action refuse, the files stay attached.
        """
        files, said = values.pop(field, None) or [], values.pop(set_field, "")
        upload_set = find_upload_set(user=self.request.user, group=self.group, said=said) if said else None
        if files:
            kept = receive_form_files(files, field=field)
            upload_set = upload_set or open_upload_set(user=self.request.user, group=self.group)
            add_uploaded_files(user=self.request.user, upload_set=upload_set, files=kept)
        if upload_set is not None:
            form.data = form.data.copy()
            form.data[form.add_prefix(set_field)] = str(upload_set.pk)
        return upload_set

    def attached(self, form, set_field: str) -> dict | None:
        """The files that a form which is shown again holds already: `shown` of them, and how many `more`."""
        said = form[set_field].value()
        if not said:
            return None
        try:
            files = find_upload_set(user=self.request.user, group=self.group, said=said).files
        except PortalError:
            return None
        shown = list(files.select_related("asset")[:SHOWN])
        return {"shown": shown, "more": files.count() - len(shown)} if shown else None
