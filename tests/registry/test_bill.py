"""What is in an image, for scanners: over REST, on its page, and by the client."""

from __future__ import annotations

import pytest

from registry.models import Image
from tests import factories

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/groups/demo/images/iris:1/bill-of-materials/"


def test_a_bill_names_packages_as_pypi_does_and_models_by_their_digest(client, client_for, group, reader, stranger):
    version = factories.make_model_version(group)
    image = factories.make_image(group, manifest=factories.make_manifest(group, models=[version]))
    packages = [{"name": "Ruamel.yaml_clib", "version": "0.2.8"}, {"name": "torch", "version": "2.4.0+cpu"}]
    Image.objects.filter(pk=image.pk).update(packages=packages, digest=f"sha256:{'ab' * 32}")
    answer = client_for(reader).get(ADDRESS)
    assert (
        answer.headers["Content-Type"].startswith("application/vnd.cyclonedx+json") and "iris-1.cdx.json" in answer["Content-Disposition"]
    )
    bill = answer.json()
    assert (bill["bomFormat"], bill["specVersion"], bill["serialNumber"]) == ("CycloneDX", "1.5", f"urn:uuid:{image.pk}")
    assert bill["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    libraries = [one["purl"] for one in bill["components"] if one["type"] == "library"]
    assert libraries == ["pkg:pypi/ruamel-yaml-clib@0.2.8", "pkg:pypi/torch@2.4.0%2Bcpu"]
    [model] = [one for one in bill["components"] if one["type"] == "machine-learning-model"]
    assert (model["name"], model["version"], model["hashes"][0]["content"]) == ("iris", "1", version.digest.removeprefix("sha256:"))
    assert client_for(stranger).get(ADDRESS).status_code == 404
    client.force_login(reader)
    assert f'href="{ADDRESS}" download' in client.get("/g/demo/images/iris:1").content.decode()
