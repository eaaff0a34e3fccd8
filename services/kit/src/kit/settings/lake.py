"""Where the lake is."""

from pydantic import Field, SecretStr, field_validator

from kit.settings.environment import EnvironmentSettings


class LakeSettings(EnvironmentSettings):
    """Where the Iceberg REST catalog and the object store are."""

    catalog_uri: str = Field(pattern=r"^https?://")
    catalog_warehouse: str = Field(
        min_length=1, description="As the catalog calls it: s3://bucket/prefix, or with Polaris the catalog's name."
    )
    catalog_credential: SecretStr | None = Field(
        default=None, description="id:secret of an OAuth 2 client; without it the catalog is asked without a token."
    )
    catalog_scope: str = Field(default="catalog", min_length=1, description="With Polaris PRINCIPAL_ROLE:ALL.")
    catalog_token_url: str | None = Field(
        default=None, pattern=r"^https?://", description="The catalog's own endpoint, /v1/oauth/tokens, unless set."
    )
    s3_endpoint: str = Field(pattern=r"^https?://")
    s3_access_key_id: SecretStr = Field(min_length=1)
    s3_secret_access_key: SecretStr = Field(min_length=1)
    s3_region: str = Field(min_length=1)

    @field_validator("catalog_credential")
    @classmethod
    def _has_two_parts(cls, credential: SecretStr | None) -> SecretStr | None:
        if credential is not None and not all(credential.get_secret_value().partition(":")):
            raise ValueError("it is an OAuth 2 client's id, a colon, and the client's secret")
        return credential

    @property
    def token_url(self) -> str:
        """Where tokens come from, for a catalog that demands them."""
        return self.catalog_token_url or f"{self.catalog_uri.rstrip('/')}/v1/oauth/tokens"
