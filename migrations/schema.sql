-- What migrations/*.sql amount to. Printed by `npm run docs`; never applied and never edited.

create type node_state as enum ('PLANNED', 'QUEUED', 'RUNNING', 'RETRY', 'DONE', 'DEAD', 'EVICTED');
create type version_state as enum ('PENDING', 'PROCESSING', 'READY', 'ACTIVE', 'ARCHIVED', 'FAILED', 'PURGED');

create table api_key (
  key_id text not null,
  tenant_id text not null,
  product_id text,
  secret_hash bytea not null,
  label text not null default ''::text,
  scopes text[] not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  replaces text,
  constraint api_key_pkey PRIMARY KEY (key_id),
  constraint api_key_secret_hash_key UNIQUE (secret_hash),
  constraint api_key_replaces_fkey FOREIGN KEY (replaces) REFERENCES api_key(key_id),
  constraint api_key_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint api_key_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product(tenant_id, product_id),
  constraint api_key_secret_hash_check CHECK ((octet_length(secret_hash) = 32))
);

create table asset (
  tenant_id text not null,
  asset_id uuid not null,
  collection_id text not null,
  owner_product text not null,
  alias text,
  active_version integer,
  publication_no bigint not null default 0,
  next_version integer not null default 1,
  next_event_no bigint not null default 1,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  archived_at timestamp with time zone,
  labels text[] not null default '{}'::text[],
  attributes jsonb not null default '{}'::jsonb,
  metadata_no bigint not null default 0,
  deleted_at timestamp with time zone,
  erased_at timestamp with time zone,
  expires_at timestamp with time zone,
  focal jsonb,
  constraint asset_pkey PRIMARY KEY (tenant_id, asset_id),
  constraint asset_tenant_id_alias_key UNIQUE (tenant_id, alias),
  constraint active_is_a_version FOREIGN KEY (tenant_id, asset_id, active_version) REFERENCES asset_version(tenant_id, asset_id, version) DEFERRABLE INITIALLY DEFERRED,
  constraint asset_tenant_id_collection_id_fkey FOREIGN KEY (tenant_id, collection_id) REFERENCES collection(tenant_id, collection_id),
  constraint asset_tenant_id_owner_product_fkey FOREIGN KEY (tenant_id, owner_product) REFERENCES product(tenant_id, product_id),
  constraint asset_focal_check CHECK (((jsonb_typeof(focal) = 'object'::text) AND (octet_length((focal)::text) <= 16384))),
  constraint attributes_are_bounded CHECK (((jsonb_typeof(attributes) = 'object'::text) AND (octet_length((attributes)::text) <= 65536))),
  constraint erased_is_not_shown CHECK (((erased_at IS NULL) OR (active_version IS NULL))),
  constraint gone_is_archived CHECK (((archived_at IS NOT NULL) OR ((deleted_at IS NULL) AND (erased_at IS NULL)))),
  constraint labels_are_words CHECK (((array_position(labels, NULL::text) IS NULL) AND (array_to_string(labels, ','::text) ~ '^([a-z0-9][a-z0-9._:/-]{0,62}(,[a-z0-9][a-z0-9._:/-]{0,62}){0,31})?$'::text)))
) with (fillfactor=85, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=10000, autovacuum_vacuum_insert_scale_factor=0.02, autovacuum_analyze_scale_factor=0.02);

create table asset_alias (
  tenant_id text not null,
  namespace text not null,
  external_id text not null,
  asset_id uuid not null,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  constraint asset_alias_pkey PRIMARY KEY (tenant_id, namespace, external_id),
  constraint asset_alias_tenant_id_asset_id_fkey FOREIGN KEY (tenant_id, asset_id) REFERENCES asset(tenant_id, asset_id),
  constraint asset_alias_external_id_check CHECK (((length(external_id) >= 1) AND (length(external_id) <= 200))),
  constraint asset_alias_namespace_check CHECK (((namespace ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text) AND (namespace <> 'alias'::text)))
);

create table asset_edge (
  tenant_id text not null,
  asset_id uuid not null,
  product_id text not null,
  role text not null,
  original_access boolean not null default false,
  visibility text not null default 'private'::text,
  not_before timestamp with time zone,
  expires_at timestamp with time zone,
  conditions jsonb,
  attribute_paths text[],
  created_at timestamp with time zone not null default now(),
  constraint asset_edge_pkey PRIMARY KEY (tenant_id, asset_id, product_id),
  constraint asset_edge_tenant_id_asset_id_fkey FOREIGN KEY (tenant_id, asset_id) REFERENCES asset(tenant_id, asset_id) ON DELETE CASCADE,
  constraint asset_edge_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product(tenant_id, product_id),
  constraint asset_attribute_paths_are_bounded CHECK (((array_position(attribute_paths, NULL::text) IS NULL) AND (cardinality(attribute_paths) <= 64) AND (octet_length((attribute_paths)::text) <= 16384))),
  constraint asset_edge_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'editor'::text, 'reader'::text, 'none'::text]))),
  constraint asset_edge_visibility_check CHECK ((visibility = ANY (ARRAY['private'::text, 'public'::text])))
);

create table asset_hold (
  tenant_id text not null,
  asset_id uuid not null,
  name text not null,
  reason text not null,
  set_by text not null,
  set_at timestamp with time zone not null default now(),
  constraint asset_hold_pkey PRIMARY KEY (tenant_id, asset_id, name),
  constraint asset_hold_tenant_id_asset_id_fkey FOREIGN KEY (tenant_id, asset_id) REFERENCES asset(tenant_id, asset_id),
  constraint asset_hold_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text)),
  constraint asset_hold_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);

create table asset_search (
  tenant_id text not null,
  collection_id text not null,
  asset_id uuid not null,
  owner_product text not null,
  state text not null,
  updated_at timestamp with time zone not null,
  media_type text,
  byte_length bigint,
  width integer,
  height integer,
  constraint asset_search_pkey PRIMARY KEY (tenant_id, collection_id, asset_id),
  constraint state_is_shown CHECK ((state = ANY (ARRAY['PENDING'::text, 'ACTIVE'::text, 'ARCHIVED'::text])))
) with (fillfactor=85, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=10000, autovacuum_vacuum_insert_scale_factor=0.02, autovacuum_analyze_scale_factor=0.02);

create table asset_term (
  tenant_id text not null,
  collection_id text not null,
  asset_id uuid not null,
  path text not null,
  value text not null,
  number double precision,
  constraint asset_term_pkey PRIMARY KEY (tenant_id, asset_id, path, value)
) with (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=10000, autovacuum_vacuum_insert_scale_factor=0.02, autovacuum_analyze_scale_factor=0.02);

create table asset_version (
  tenant_id text not null,
  asset_id uuid not null,
  version integer not null,
  sha256 bytea,
  state version_state not null default 'PENDING'::version_state,
  publish_policy text not null,
  filename text,
  failure jsonb,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  ready_at timestamp with time zone,
  activated_at timestamp with time zone,
  archived_at timestamp with time zone,
  entrance text not null default 'direct'::text,
  source_ref text,
  event_id uuid,
  constraint asset_version_pkey PRIMARY KEY (tenant_id, asset_id, version),
  constraint asset_version_tenant_id_asset_id_fkey FOREIGN KEY (tenant_id, asset_id) REFERENCES asset(tenant_id, asset_id),
  constraint asset_version_tenant_id_sha256_fkey FOREIGN KEY (tenant_id, sha256) REFERENCES original(tenant_id, sha256),
  constraint asset_version_check CHECK (((state = ANY (ARRAY['PENDING'::version_state, 'FAILED'::version_state, 'PURGED'::version_state])) OR (sha256 IS NOT NULL))),
  constraint asset_version_entrance_check CHECK ((entrance = ANY (ARRAY['direct'::text, 'staged'::text, 'tus'::text, 'url'::text, 'import'::text, 'adapter'::text]))),
  constraint asset_version_publish_policy_check CHECK ((publish_policy = ANY (ARRAY['when-ready'::text, 'now'::text, 'manual'::text]))),
  constraint asset_version_source_ref_check CHECK ((length(source_ref) <= 1024)),
  constraint asset_version_version_check CHECK ((version >= 1))
) with (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=10000, autovacuum_analyze_scale_factor=0.02);

create table audit (
  tenant_id text not null,
  at timestamp(3) with time zone not null default now(),
  audit_id uuid not null,
  insert_no bigint not null generated always as identity,
  actor text not null,
  actor_kind text not null,
  product text,
  action text not null,
  resource text not null,
  outcome text not null,
  reasons text[] not null default '{}'::text[],
  count integer not null default 1,
  request_id text not null,
  correlation_id text not null,
  client text,
  before jsonb,
  after jsonb,
  audit_no bigint,
  prev_hash bytea,
  hash bytea,
  constraint audit_pkey PRIMARY KEY (tenant_id, at, audit_id),
  constraint audit_tenant_id_audit_no_key UNIQUE (tenant_id, audit_no),
  constraint audit_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint audit_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['key'::text, 'token'::text, 'link'::text, 'anonymous'::text, 'unknown'::text, 'system'::text]))),
  constraint audit_check CHECK (((length(actor) <= 200) AND (length(action) <= 100) AND (length(resource) <= 500) AND (cardinality(reasons) <= 20))),
  constraint audit_check1 CHECK (((length((before)::text) <= 16384) AND (length((after)::text) <= 16384))),
  constraint audit_check2 CHECK ((num_nonnulls(audit_no, prev_hash, hash) = ANY (ARRAY[0, 3]))),
  constraint audit_count_check CHECK ((count > 0)),
  constraint audit_outcome_check CHECK ((outcome = ANY (ARRAY['allowed'::text, 'denied'::text])))
) with (autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_threshold=10000, autovacuum_vacuum_insert_scale_factor=0.02, autovacuum_analyze_scale_factor=0.02);

create table audit_head (
  tenant_id text not null,
  audit_no bigint not null default 0,
  hash bytea not null default decode(repeat('00'::text, 32), 'hex'::text),
  chained_at timestamp with time zone not null default now(),
  constraint audit_head_pkey PRIMARY KEY (tenant_id),
  constraint audit_head_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint audit_head_audit_no_check CHECK ((audit_no >= 0))
);

create table collection (
  tenant_id text not null,
  collection_id text not null,
  owner_product text not null,
  publish_gate text not null default 'all'::text,
  created_at timestamp with time zone not null default now(),
  keep_versions integer,
  rules jsonb,
  attribute_schema jsonb,
  constraint collection_pkey PRIMARY KEY (tenant_id, collection_id),
  constraint collection_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint collection_tenant_id_owner_product_fkey FOREIGN KEY (tenant_id, owner_product) REFERENCES product(tenant_id, product_id),
  constraint attribute_schema_is_bounded CHECK (((jsonb_typeof(attribute_schema) = 'object'::text) AND (octet_length((attribute_schema)::text) <= 65536))),
  constraint collection_collection_id_check CHECK ((collection_id ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text)),
  constraint collection_keep_versions_check CHECK (((keep_versions >= 1) AND (keep_versions <= 1000))),
  constraint collection_publish_gate_check CHECK ((publish_gate = ANY (ARRAY['all'::text, 'owner'::text, 'none'::text])))
);

create table comparison (
  tenant_id text not null,
  old_node bytea not null,
  new_node bytea not null,
  tries smallint not null default 0,
  not_before timestamp with time zone not null default now(),
  ssim real,
  largest smallint,
  failure text,
  compared_at timestamp with time zone,
  constraint comparison_pkey PRIMARY KEY (tenant_id, old_node, new_node),
  constraint comparison_tenant_id_new_node_fkey FOREIGN KEY (tenant_id, new_node) REFERENCES node(tenant_id, node_id),
  constraint comparison_tenant_id_old_node_fkey FOREIGN KEY (tenant_id, old_node) REFERENCES node(tenant_id, node_id),
  constraint comparison_check CHECK ((((ssim IS NULL) = (largest IS NULL)) AND ((ssim IS NULL) OR (failure IS NULL)))),
  constraint comparison_check1 CHECK (((compared_at IS NULL) = ((ssim IS NULL) AND (failure IS NULL)))),
  constraint comparison_largest_check CHECK (((largest >= 0) AND (largest <= 255))),
  constraint comparison_ssim_check CHECK (((ssim >= ('-1'::integer)::double precision) AND (ssim <= (1)::double precision)))
);

create table consumer_contract (
  tenant_id text not null,
  subject text not null,
  product_id text not null,
  schema jsonb not null,
  registered_by text not null,
  registered_at timestamp with time zone not null default now(),
  constraint consumer_contract_pkey PRIMARY KEY (tenant_id, subject, product_id),
  constraint consumer_contract_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product(tenant_id, product_id),
  constraint consumer_contract_subject_check CHECK ((subject ~ '^[a-z0-9][a-z0-9._-]{0,127}$'::text))
);

create table cost_factor (
  engine text not null,
  machine text not null,
  factors jsonb,
  measured_at timestamp with time zone,
  requested_at timestamp with time zone,
  begun_at timestamp with time zone,
  constraint cost_factor_pkey PRIMARY KEY (engine, machine),
  constraint cost_factor_check CHECK (((factors IS NULL) = (measured_at IS NULL)))
);

create table delivery (
  tenant_id text not null,
  delivery_id uuid not null,
  delivery_no bigint not null generated always as identity,
  subscription_id text not null,
  event_seq bigint not null,
  event_id uuid not null,
  asset_id uuid not null,
  type text not null,
  replay_id uuid,
  state text not null,
  failures integer not null default 0,
  not_before timestamp with time zone not null default now(),
  class text,
  attempts jsonb not null default '[]'::jsonb,
  tries integer not null default 0,
  created_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone,
  constraint delivery_pkey PRIMARY KEY (tenant_id, delivery_id),
  constraint delivery_tenant_id_subscription_id_fkey FOREIGN KEY (tenant_id, subscription_id) REFERENCES subscription(tenant_id, subscription_id) ON DELETE CASCADE,
  constraint delivery_attempts_check CHECK ((jsonb_typeof(attempts) = 'array'::text)),
  constraint delivery_check CHECK (((finished_at IS NULL) = (state = ANY (ARRAY['WAITING'::text, 'PENDING'::text])))),
  constraint delivery_failures_check CHECK ((failures >= 0)),
  constraint delivery_state_check CHECK ((state = ANY (ARRAY['WAITING'::text, 'PENDING'::text, 'DONE'::text, 'DEAD'::text]))),
  constraint delivery_tries_check CHECK ((tries >= 0))
);

create table derivative (
  tenant_id text not null,
  sha256 bytea not null,
  byte_length bigint not null,
  media_type text not null,
  width integer not null,
  height integer not null,
  object_key text not null,
  stored_at timestamp with time zone not null default now(),
  constraint derivative_pkey PRIMARY KEY (tenant_id, sha256),
  constraint derivative_object_key_key UNIQUE (object_key),
  constraint derivative_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint derivative_byte_length_check CHECK ((byte_length > 0)),
  constraint derivative_height_check CHECK ((height > 0)),
  constraint derivative_sha256_check CHECK ((octet_length(sha256) = 32)),
  constraint derivative_width_check CHECK ((width > 0))
);

create table edge (
  tenant_id text not null,
  collection_id text not null,
  product_id text not null,
  role text not null,
  original_access boolean not null default false,
  visibility text not null default 'private'::text,
  delivery text not null default 'redirect'::text,
  expires_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  private_metadata boolean not null default false,
  not_before timestamp with time zone,
  conditions jsonb,
  attribute_paths text[],
  ad_hoc jsonb,
  constraint edge_pkey PRIMARY KEY (tenant_id, collection_id, product_id),
  constraint edge_tenant_id_collection_id_fkey FOREIGN KEY (tenant_id, collection_id) REFERENCES collection(tenant_id, collection_id),
  constraint edge_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product(tenant_id, product_id),
  constraint attribute_paths_are_bounded CHECK (((array_position(attribute_paths, NULL::text) IS NULL) AND (cardinality(attribute_paths) <= 64) AND (octet_length((attribute_paths)::text) <= 16384))),
  constraint edge_ad_hoc_check CHECK (((jsonb_typeof(ad_hoc) = 'object'::text) AND (jsonb_typeof((ad_hoc -> 'formats'::text)) = 'array'::text))),
  constraint edge_delivery_check CHECK ((delivery = ANY (ARRAY['redirect'::text, 'stream'::text, 'accel'::text]))),
  constraint edge_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'editor'::text, 'reader'::text]))),
  constraint edge_visibility_check CHECK ((visibility = ANY (ARRAY['private'::text, 'public'::text])))
);

create table engine (
  line text not null,
  fingerprint text not null,
  parts jsonb not null,
  seen_at timestamp with time zone not null default now(),
  registered_at timestamp with time zone,
  registered_by text,
  constraint engine_pkey PRIMARY KEY (line, fingerprint),
  constraint engine_check CHECK (((registered_at IS NULL) = (registered_by IS NULL))),
  constraint engine_fingerprint_check CHECK ((fingerprint ~ '^[0-9a-f]{16}$'::text))
);

create table erasure (
  tenant_id text not null,
  erasure_id uuid not null,
  asset_id uuid not null,
  reason text not null,
  state text not null default 'UNBINDING'::text,
  requested_by text not null,
  correlation_id text not null,
  requested_at timestamp with time zone not null,
  exposed_until timestamp with time zone not null,
  cached_until timestamp with time zone not null,
  finished_at timestamp with time zone,
  version integer,
  traceparent text,
  constraint erasure_pkey PRIMARY KEY (tenant_id, erasure_id),
  constraint erasure_tenant_id_asset_id_fkey FOREIGN KEY (tenant_id, asset_id) REFERENCES asset(tenant_id, asset_id),
  constraint erasure_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint erasure_check CHECK (((finished_at IS NULL) = (state <> 'DONE'::text))),
  constraint erasure_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
  constraint erasure_state_check CHECK (((state = ANY (ARRAY['UNBINDING'::text, 'FORGETTING'::text, 'DELETING'::text, 'PRUNING'::text, 'DONE'::text])) AND ((state <> 'PRUNING'::text) OR (version IS NOT NULL))))
);

create table erasure_object (
  tenant_id text not null,
  erasure_id uuid not null,
  kind text not null,
  sha256 bytea not null,
  object_key text not null,
  byte_length bigint not null,
  state text not null default 'NAMED'::text,
  not_before timestamp with time zone not null default now(),
  settled_at timestamp with time zone,
  constraint erasure_object_pkey PRIMARY KEY (tenant_id, erasure_id, kind, sha256),
  constraint erasure_object_tenant_id_erasure_id_fkey FOREIGN KEY (tenant_id, erasure_id) REFERENCES erasure(tenant_id, erasure_id),
  constraint erasure_object_kind_check CHECK ((kind = ANY (ARRAY['original'::text, 'derivative'::text]))),
  constraint erasure_object_sha256_check CHECK ((octet_length(sha256) = 32)),
  constraint erasure_object_state_check CHECK ((state = ANY (ARRAY['NAMED'::text, 'DOOMED'::text, 'DELETED'::text, 'KEPT'::text])))
);

create table event (
  event_id uuid not null,
  insert_no bigint not null generated always as identity,
  seq bigint,
  tenant_id text not null,
  type text not null,
  asset_id uuid,
  asset_event_no bigint,
  data jsonb not null,
  actor text not null,
  correlation_id text not null,
  occurred_at timestamp with time zone not null default now(),
  sequenced_at timestamp with time zone,
  causation_id uuid,
  traceparent text,
  actor_product text,
  subject text,
  major smallint not null default 1,
  newest jsonb,
  constraint event_pkey PRIMARY KEY (event_id),
  constraint event_seq_key UNIQUE (seq),
  constraint event_tenant_id_asset_id_asset_event_no_key UNIQUE (tenant_id, asset_id, asset_event_no),
  constraint event_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint event_about CHECK ((((asset_id IS NULL) = (asset_event_no IS NULL)) AND ((asset_id IS NULL) = (subject IS NOT NULL)))) NOT VALID,
  constraint event_majors CHECK (((major > 1) = (newest IS NOT NULL))) NOT VALID
) with (autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_threshold=50000, autovacuum_vacuum_insert_scale_factor=0.02, autovacuum_analyze_scale_factor=0.02);

create table event_head (
  one boolean not null default true,
  seq bigint not null default 0,
  constraint event_head_pkey PRIMARY KEY (one),
  constraint event_head_one_check CHECK (one)
);

create table event_relay (
  one boolean not null default true,
  log_id uuid not null default gen_random_uuid(),
  published_seq bigint not null default 0,
  published_at timestamp with time zone not null default now(),
  constraint event_relay_pkey PRIMARY KEY (one),
  constraint event_relay_one_check CHECK (one),
  constraint event_relay_published_seq_check CHECK ((published_seq >= 0))
);

create table event_replay (
  tenant_id text not null,
  replay_id uuid not null,
  subscription_id text not null,
  cursor_seq bigint not null,
  until_seq bigint not null,
  types text[],
  asset_id uuid,
  told integer not null default 0,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone,
  constraint event_replay_pkey PRIMARY KEY (tenant_id, replay_id),
  constraint event_replay_tenant_id_subscription_id_fkey FOREIGN KEY (tenant_id, subscription_id) REFERENCES subscription(tenant_id, subscription_id) ON DELETE CASCADE,
  constraint event_replay_cursor_seq_check CHECK ((cursor_seq >= 0))
);

create table idempotency (
  tenant_id text not null,
  principal text not null,
  key text not null,
  request text not null,
  fingerprint bytea,
  status integer,
  headers jsonb,
  body text,
  locked_until timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  holder uuid,
  constraint idempotency_pkey PRIMARY KEY (tenant_id, principal, key),
  constraint idempotency_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint idempotency_check CHECK (((status IS NULL) OR (fingerprint IS NOT NULL))),
  constraint idempotency_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255)))
);

create table issuer (
  tenant_id text not null,
  name text not null,
  iss text not null,
  audience text not null,
  jwks_uri text not null,
  algorithms text[] not null,
  claim text not null,
  edition bigint not null default nextval('issuer_edition'::regclass),
  created_at timestamp with time zone not null default now(),
  constraint issuer_pkey PRIMARY KEY (tenant_id, name),
  constraint issuer_edition_key UNIQUE (edition),
  constraint issuer_of_token UNIQUE (iss, audience),
  constraint issuer_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint issuer_algorithms_check CHECK (((algorithms <@ ARRAY['EdDSA'::text, 'ES256'::text, 'RS256'::text]) AND (cardinality(algorithms) > 0))),
  constraint issuer_audience_check CHECK ((audience ~ '^[!-~]{1,255}$'::text)),
  constraint issuer_iss_check CHECK ((iss ~ '^[!-~]{1,255}$'::text)),
  constraint issuer_jwks_uri_check CHECK (((jwks_uri ~ '^https?://[!-~]+$'::text) AND (length(jwks_uri) <= 500))),
  constraint issuer_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text))
);

create table issuer_subject (
  tenant_id text not null,
  name text not null,
  value text not null,
  product_id text,
  scopes text[] not null,
  constraint issuer_subject_pkey PRIMARY KEY (tenant_id, name, value),
  constraint issuer_subject_tenant_id_name_fkey FOREIGN KEY (tenant_id, name) REFERENCES issuer(tenant_id, name) ON DELETE CASCADE,
  constraint issuer_subject_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product(tenant_id, product_id),
  constraint issuer_subject_check CHECK (((product_id IS NULL) = ('matrix:admin'::text = ANY (scopes))))
);

create table key_use (
  key_id text not null,
  tenant_id text not null,
  used_at timestamp with time zone not null,
  constraint key_use_pkey PRIMARY KEY (key_id),
  constraint key_use_key_id_fkey FOREIGN KEY (key_id) REFERENCES api_key(key_id) ON DELETE CASCADE,
  constraint key_use_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id)
);

create table leaf (
  tenant_id text not null,
  asset_id uuid not null,
  version integer not null,
  product_id text not null,
  rendition text not null,
  revision integer not null,
  format text not null,
  "position" smallint not null,
  required boolean not null,
  eager boolean not null,
  node_id bytea,
  refusal jsonb,
  created_at timestamp with time zone not null default now(),
  constraint leaf_pkey PRIMARY KEY (tenant_id, asset_id, version, product_id, rendition, revision, format),
  constraint leaf_tenant_id_asset_id_version_fkey FOREIGN KEY (tenant_id, asset_id, version) REFERENCES asset_version(tenant_id, asset_id, version),
  constraint leaf_tenant_id_node_id_fkey FOREIGN KEY (tenant_id, node_id) REFERENCES node(tenant_id, node_id),
  constraint leaf_check CHECK (((node_id IS NULL) <> (refusal IS NULL)))
) with (autovacuum_vacuum_insert_scale_factor=0.02, autovacuum_analyze_scale_factor=0.02);

create table leaf_move (
  tenant_id text not null,
  asset_id uuid not null,
  version integer not null,
  product_id text not null,
  rendition text not null,
  revision integer not null,
  format text not null,
  node_id bytea not null,
  constraint leaf_move_pkey PRIMARY KEY (tenant_id, asset_id, version, product_id, rendition, revision, format),
  constraint leaf_move_tenant_id_asset_id_version_product_id_rendition__fkey FOREIGN KEY (tenant_id, asset_id, version, product_id, rendition, revision, format) REFERENCES leaf(tenant_id, asset_id, version, product_id, rendition, revision, format) ON DELETE CASCADE,
  constraint leaf_move_tenant_id_node_id_fkey FOREIGN KEY (tenant_id, node_id) REFERENCES node(tenant_id, node_id) ON DELETE CASCADE
);

create table matrix_revision (
  tenant_id text not null,
  revision bigint not null default 0,
  constraint matrix_revision_pkey PRIMARY KEY (tenant_id),
  constraint matrix_revision_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id)
);

create table measurement (
  tenant_id text not null,
  name text not null,
  value double precision not null,
  measured_at timestamp with time zone not null default now(),
  constraint measurement_pkey PRIMARY KEY (tenant_id, name),
  constraint measurement_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id)
);

create table node (
  tenant_id text not null,
  node_id bytea not null,
  original bytea not null,
  chain text not null,
  format text not null,
  state node_state not null default 'PLANNED'::node_state,
  priority smallint not null default 50,
  attempts integer not null default 0,
  crashes integer not null default 0,
  fence bigint not null default 0,
  lease_owner text,
  lease_until timestamp with time zone,
  not_before timestamp with time zone,
  output bytea,
  cpu_ms real not null default 0,
  alone_cpu_ms real not null default 0,
  failure jsonb,
  executions integer not null default 0,
  created_at timestamp with time zone not null default now(),
  queued_at timestamp with time zone,
  finished_at timestamp with time zone,
  product_id text not null default ''::text,
  traceparent text,
  constraint node_pkey PRIMARY KEY (tenant_id, node_id),
  constraint node_tenant_id_original_fkey FOREIGN KEY (tenant_id, original) REFERENCES original(tenant_id, sha256),
  constraint node_tenant_id_output_fkey FOREIGN KEY (tenant_id, output) REFERENCES derivative(tenant_id, sha256),
  constraint node_check CHECK (((state = 'DONE'::node_state) = (output IS NOT NULL))),
  constraint node_check1 CHECK (((state <> 'RUNNING'::node_state) OR ((lease_owner IS NOT NULL) AND (lease_until IS NOT NULL)))),
  constraint node_check2 CHECK (((state <> 'DEAD'::node_state) OR (failure IS NOT NULL))),
  constraint node_node_id_check CHECK ((octet_length(node_id) = 32))
) with (autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_threshold=10000, autovacuum_vacuum_insert_scale_factor=0.02, autovacuum_analyze_scale_factor=0.02);

create table node_input (
  tenant_id text not null,
  node_id bytea not null,
  original bytea not null,
  constraint node_input_pkey PRIMARY KEY (tenant_id, node_id, original),
  constraint node_input_tenant_id_node_id_fkey FOREIGN KEY (tenant_id, node_id) REFERENCES node(tenant_id, node_id),
  constraint node_input_tenant_id_original_fkey FOREIGN KEY (tenant_id, original) REFERENCES original(tenant_id, sha256)
);

create table operation (
  tenant_id text not null,
  operation_id uuid not null,
  kind text not null,
  state text not null default 'RUNNING'::text,
  input jsonb not null,
  total integer not null,
  done integer not null default 0,
  failed integer not null default 0,
  cpu_ms double precision not null default 0,
  after_asset uuid,
  round integer not null default 1,
  found integer not null default 0,
  steps integer not null default 0,
  reason text,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  running_since timestamp with time zone not null default now(),
  settled_before integer not null default 0,
  finished_at timestamp with time zone,
  correlation_id text,
  traceparent text,
  constraint operation_pkey PRIMARY KEY (tenant_id, operation_id),
  constraint operation_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint operation_check CHECK (((finished_at IS NULL) = (state = ANY (ARRAY['RUNNING'::text, 'PAUSED'::text])))),
  constraint operation_kind_check CHECK ((kind = 'backfill'::text)),
  constraint operation_state_check CHECK ((state = ANY (ARRAY['RUNNING'::text, 'PAUSED'::text, 'SUCCEEDED'::text, 'PARTIAL'::text, 'FAILED'::text, 'CANCELLED'::text]))),
  constraint operation_total_check CHECK ((total >= 0))
);

create table operation_step (
  tenant_id text not null,
  operation_id uuid not null,
  step_no integer not null,
  state text not null default 'RUNNING'::text,
  assets uuid[] not null,
  versions integer[] not null,
  done integer not null default 0,
  failed integer not null default 0,
  cpu_ms double precision not null default 0,
  started_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone,
  constraint operation_step_pkey PRIMARY KEY (tenant_id, operation_id, step_no),
  constraint operation_step_tenant_id_operation_id_fkey FOREIGN KEY (tenant_id, operation_id) REFERENCES operation(tenant_id, operation_id),
  constraint operation_step_check CHECK ((cardinality(assets) = cardinality(versions))),
  constraint operation_step_check1 CHECK (((finished_at IS NULL) = (state = 'RUNNING'::text))),
  constraint operation_step_state_check CHECK ((state = ANY (ARRAY['RUNNING'::text, 'DONE'::text, 'SKIPPED'::text])))
);

create table original (
  tenant_id text not null,
  sha256 bytea not null,
  byte_length bigint not null,
  media_type text not null,
  object_key text not null,
  image jsonb,
  stored_at timestamp with time zone not null default now(),
  product_id text not null default ''::text,
  constraint original_pkey PRIMARY KEY (tenant_id, sha256),
  constraint original_object_key_key UNIQUE (object_key),
  constraint original_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint original_byte_length_check CHECK ((byte_length >= 0)),
  constraint original_sha256_check CHECK ((octet_length(sha256) = 32))
);

create table original_look (
  tenant_id text not null,
  sha256 bytea not null,
  thumbhash bytea,
  colour text,
  tries smallint not null default 0,
  not_before timestamp with time zone not null default (now() + '00:00:10'::interval),
  made_at timestamp with time zone,
  palette text,
  constraint original_look_pkey PRIMARY KEY (tenant_id, sha256),
  constraint original_look_tenant_id_sha256_fkey FOREIGN KEY (tenant_id, sha256) REFERENCES original(tenant_id, sha256),
  constraint original_look_check CHECK ((((thumbhash IS NULL) = (colour IS NULL)) AND ((thumbhash IS NULL) = (made_at IS NULL)))),
  constraint original_look_colour_check CHECK ((colour ~ '^#[0-9a-f]{6}$'::text)),
  constraint original_look_palette_check CHECK ((palette ~ '^#[0-9a-f]{6} [01]\.[0-9]{3}(,#[0-9a-f]{6} [01]\.[0-9]{3}){0,7}$'::text)),
  constraint original_look_thumbhash_check CHECK (((octet_length(thumbhash) >= 5) AND (octet_length(thumbhash) <= 64)))
) with (autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_threshold=10000);

create table original_metadata (
  tenant_id text not null,
  sha256 bytea not null,
  exif bytea,
  iptc bytea,
  xmp bytea,
  sizes jsonb not null default '{}'::jsonb,
  icc jsonb,
  reading jsonb not null default '{}'::jsonb,
  normaliser smallint not null default 0,
  taken_at timestamp with time zone,
  tries smallint not null default 0,
  not_before timestamp with time zone not null default now(),
  constraint original_metadata_pkey PRIMARY KEY (tenant_id, sha256),
  constraint original_metadata_tenant_id_sha256_fkey FOREIGN KEY (tenant_id, sha256) REFERENCES original(tenant_id, sha256),
  constraint original_metadata_exif_check CHECK ((octet_length(exif) <= 1048576)),
  constraint original_metadata_icc_check CHECK ((octet_length((icc)::text) <= 4096)),
  constraint original_metadata_iptc_check CHECK ((octet_length(iptc) <= 1048576)),
  constraint original_metadata_normaliser_check CHECK ((normaliser >= 0)),
  constraint original_metadata_reading_check CHECK (((jsonb_typeof(reading) = 'object'::text) AND (octet_length((reading)::text) <= 131072))),
  constraint original_metadata_sizes_check CHECK ((jsonb_typeof(sizes) = 'object'::text)),
  constraint original_metadata_xmp_check CHECK ((octet_length(xmp) <= 1048576))
);

create table original_mismatch (
  tenant_id text not null,
  sha256 bytea not null,
  found_at timestamp with time zone not null default now(),
  constraint original_mismatch_pkey PRIMARY KEY (tenant_id, sha256),
  constraint original_mismatch_tenant_id_sha256_fkey FOREIGN KEY (tenant_id, sha256) REFERENCES original(tenant_id, sha256) ON DELETE CASCADE
);

create table product (
  tenant_id text not null,
  product_id text not null,
  display_name text not null,
  created_at timestamp with time zone not null default now(),
  share integer not null default 1,
  limits jsonb not null default '{}'::jsonb,
  origins text[] not null default '{}'::text[],
  client_hints boolean not null default false,
  constraint product_pkey PRIMARY KEY (tenant_id, product_id),
  constraint product_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint product_limits_check CHECK ((jsonb_typeof(limits) = 'object'::text)),
  constraint product_origins_check CHECK ((cardinality(origins) <= 20)),
  constraint product_product_id_check CHECK ((product_id ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text)),
  constraint product_share_check CHECK (((share >= 1) AND (share <= 100)))
);

create table provenance (
  tenant_id text not null,
  asset_id uuid not null,
  version integer not null,
  source text,
  trust smallint not null,
  hints jsonb not null default '{}'::jsonb,
  identity_hints jsonb not null default '{}'::jsonb,
  constraint provenance_pkey PRIMARY KEY (tenant_id, asset_id, version),
  constraint provenance_tenant_id_asset_id_version_fkey FOREIGN KEY (tenant_id, asset_id, version) REFERENCES asset_version(tenant_id, asset_id, version),
  constraint provenance_hints_check CHECK (((jsonb_typeof(hints) = 'object'::text) AND (length((hints)::text) <= 65536))),
  constraint provenance_identity_hints_check CHECK (((jsonb_typeof(identity_hints) = 'object'::text) AND (length((identity_hints)::text) <= 32768))),
  constraint provenance_trust_check CHECK (((trust >= 0) AND (trust <= 3)))
);

create table publication (
  tenant_id text not null,
  asset_id uuid not null,
  publication_no bigint not null,
  version integer not null,
  previous_version integer,
  reason text not null,
  actor text not null,
  published_at timestamp with time zone not null default now(),
  constraint publication_pkey PRIMARY KEY (tenant_id, asset_id, publication_no),
  constraint publication_tenant_id_asset_id_version_fkey FOREIGN KEY (tenant_id, asset_id, version) REFERENCES asset_version(tenant_id, asset_id, version),
  constraint publication_reason_check CHECK ((reason = ANY (ARRAY['publish'::text, 'rollback'::text, 'auto'::text])))
);

create table purge (
  tenant_id text not null,
  purge_id uuid not null default gen_random_uuid(),
  reason text not null,
  subject text not null,
  tags text[] not null,
  state text not null default 'PENDING'::text,
  tries integer not null default 0,
  not_before timestamp with time zone not null default now(),
  last_answer text,
  created_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone,
  targets jsonb not null default '{}'::jsonb,
  constraint purge_pkey PRIMARY KEY (tenant_id, purge_id),
  constraint purge_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint purge_check CHECK (((finished_at IS NULL) = (state = 'PENDING'::text))),
  constraint purge_reason_check CHECK ((reason = ANY (ARRAY['publish'::text, 'archive'::text, 'delete'::text, 'erase'::text, 'grant'::text, 'rendition'::text, 'labels'::text, 'signing-key'::text, 'share'::text, 'product'::text, 'version'::text]))),
  constraint purge_state_check CHECK ((state = ANY (ARRAY['PENDING'::text, 'DONE'::text, 'DEAD'::text]))),
  constraint purge_tags_check CHECK ((cardinality(tags) > 0)),
  constraint purge_targets_check CHECK ((jsonb_typeof(targets) = 'object'::text))
);

create table rendition (
  tenant_id text not null,
  collection_id text not null,
  product_id text not null,
  name text not null,
  revision integer not null,
  recipe text not null,
  recipe_hash bytea not null,
  lane text not null default 'eager'::text,
  state text not null default 'active'::text,
  created_at timestamp with time zone not null default now(),
  deprecated_at timestamp with time zone,
  sunset_at timestamp with time zone,
  reactivated_at timestamp with time zone,
  constraint rendition_pkey PRIMARY KEY (tenant_id, collection_id, product_id, name, revision),
  constraint rendition_tenant_id_collection_id_fkey FOREIGN KEY (tenant_id, collection_id) REFERENCES collection(tenant_id, collection_id),
  constraint rendition_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product(tenant_id, product_id),
  constraint rendition_lane_check CHECK ((lane = ANY (ARRAY['eager'::text, 'lazy'::text]))),
  constraint rendition_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text)),
  constraint rendition_recipe_hash_check CHECK ((octet_length(recipe_hash) = 32)),
  constraint rendition_revision_check CHECK ((revision >= 1)),
  constraint rendition_state_check CHECK ((state = ANY (ARRAY['active'::text, 'retired'::text]))),
  constraint rendition_sunset_check CHECK ((((deprecated_at IS NULL) = (sunset_at IS NULL)) AND ((sunset_at > deprecated_at) IS NOT FALSE)))
);

create table rollout (
  tenant_id text not null,
  rollout_id uuid not null,
  engine text not null,
  collection_id text,
  share smallint not null,
  state text not null default 'PLANNING'::text,
  after_asset uuid,
  assets integer not null default 0,
  leaves integer not null default 0,
  after_leaf integer not null default 0,
  moved integer not null default 0,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  moved_by text,
  changed_at timestamp with time zone not null default now(),
  constraint rollout_pkey PRIMARY KEY (tenant_id, rollout_id),
  constraint rollout_tenant_id_collection_id_fkey FOREIGN KEY (tenant_id, collection_id) REFERENCES collection(tenant_id, collection_id),
  constraint rollout_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint rollout_share_check CHECK (((share >= 1) AND (share <= 100))),
  constraint rollout_state_check CHECK ((state = ANY (ARRAY['PLANNING'::text, 'COMPARING'::text, 'READY'::text, 'PROMOTING'::text, 'PROMOTED'::text, 'ROLLING_BACK'::text, 'ROLLED_BACK'::text])))
);

create table rollout_leaf (
  tenant_id text not null,
  rollout_id uuid not null,
  leaf_no integer not null,
  asset_id uuid not null,
  version integer not null,
  product_id text not null,
  rendition text not null,
  revision integer not null,
  format text not null,
  old_node bytea not null,
  new_node bytea,
  refusal text,
  constraint rollout_leaf_pkey PRIMARY KEY (tenant_id, rollout_id, leaf_no),
  constraint rollout_leaf_tenant_id_asset_id_version_product_id_renditi_fkey FOREIGN KEY (tenant_id, asset_id, version, product_id, rendition, revision, format) REFERENCES leaf(tenant_id, asset_id, version, product_id, rendition, revision, format) ON DELETE CASCADE,
  constraint rollout_leaf_tenant_id_new_node_fkey FOREIGN KEY (tenant_id, new_node) REFERENCES node(tenant_id, node_id),
  constraint rollout_leaf_tenant_id_old_node_fkey FOREIGN KEY (tenant_id, old_node) REFERENCES node(tenant_id, node_id),
  constraint rollout_leaf_tenant_id_rollout_id_fkey FOREIGN KEY (tenant_id, rollout_id) REFERENCES rollout(tenant_id, rollout_id),
  constraint rollout_leaf_check CHECK (((new_node IS NULL) <> (refusal IS NULL)))
);

create table saga (
  tenant_id text not null,
  saga_id uuid not null,
  kind text not null,
  state text not null default 'RUNNING'::text,
  product_id text,
  principal jsonb not null,
  client text,
  correlation_id text not null,
  input jsonb not null,
  total integer not null default 0,
  done integer not null default 0,
  failed integer not null default 0,
  reason text,
  lease_owner text,
  lease_until timestamp with time zone,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  running_since timestamp with time zone not null default now(),
  settled_before integer not null default 0,
  finished_at timestamp with time zone,
  traceparent text,
  constraint saga_pkey PRIMARY KEY (tenant_id, saga_id),
  constraint saga_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint saga_check CHECK (((finished_at IS NULL) = (state = ANY (ARRAY['RUNNING'::text, 'PAUSED'::text, 'COMPENSATING'::text])))),
  constraint saga_kind_check CHECK ((kind = 'import'::text)),
  constraint saga_state_check CHECK ((state = ANY (ARRAY['RUNNING'::text, 'PAUSED'::text, 'COMPENSATING'::text, 'SUCCEEDED'::text, 'PARTIAL'::text, 'FAILED'::text, 'CANCELLED'::text, 'COMPENSATED'::text]))),
  constraint saga_total_check CHECK ((total >= 0))
);

create table saga_step (
  tenant_id text not null,
  saga_id uuid not null,
  step_no integer not null,
  input jsonb not null,
  state text not null default 'PENDING'::text,
  tries integer not null default 0,
  not_before timestamp with time zone not null default now(),
  output jsonb,
  problem jsonb,
  undo jsonb,
  finished_at timestamp with time zone,
  constraint saga_step_pkey PRIMARY KEY (tenant_id, saga_id, step_no),
  constraint saga_step_tenant_id_saga_id_fkey FOREIGN KEY (tenant_id, saga_id) REFERENCES saga(tenant_id, saga_id),
  constraint saga_step_check CHECK (((undo IS NULL) OR (state = ANY (ARRAY['DONE'::text, 'UNDONE'::text, 'STUCK'::text])))),
  constraint saga_step_check1 CHECK (((finished_at IS NULL) = (state = 'PENDING'::text))),
  constraint saga_step_state_check CHECK ((state = ANY (ARRAY['PENDING'::text, 'DONE'::text, 'FAILED'::text, 'SKIPPED'::text, 'UNDONE'::text, 'STUCK'::text])))
);

create table scan (
  tenant_id text not null,
  sha256 bytea not null,
  state text not null default 'WAITING'::text,
  signature text,
  told_by text,
  tries integer not null default 0,
  last_error text,
  asked_at timestamp with time zone not null default now(),
  not_before timestamp with time zone not null default now(),
  told_at timestamp with time zone,
  constraint scan_pkey PRIMARY KEY (tenant_id, sha256),
  constraint scan_tenant_id_sha256_fkey FOREIGN KEY (tenant_id, sha256) REFERENCES original(tenant_id, sha256) ON DELETE CASCADE,
  constraint scan_check CHECK (((state = 'WAITING'::text) = (told_at IS NULL))),
  constraint scan_check1 CHECK (((state = 'INFECTED'::text) = (signature IS NOT NULL))),
  constraint scan_state_check CHECK ((state = ANY (ARRAY['WAITING'::text, 'CLEAN'::text, 'INFECTED'::text])))
);

create table schedule (
  tenant_id text not null,
  asset_id uuid not null,
  version integer not null,
  publish_at timestamp with time zone not null,
  waiting_since timestamp with time zone,
  set_by text not null,
  correlation_id text not null,
  set_at timestamp with time zone not null default now(),
  traceparent text,
  constraint schedule_pkey PRIMARY KEY (tenant_id, asset_id),
  constraint schedule_tenant_id_asset_id_fkey FOREIGN KEY (tenant_id, asset_id) REFERENCES asset(tenant_id, asset_id),
  constraint schedule_tenant_id_asset_id_version_fkey FOREIGN KEY (tenant_id, asset_id, version) REFERENCES asset_version(tenant_id, asset_id, version)
);

create table schema_migration (
  number integer not null,
  name text not null,
  checksum text not null,
  breaking boolean not null,
  applied_at timestamp with time zone not null default now(),
  constraint schema_migration_pkey PRIMARY KEY (number)
);

create table share_link (
  share_id text not null,
  tenant_id text not null,
  product_id text not null,
  asset_id uuid not null,
  token_hash bytea not null,
  renditions text[],
  original boolean not null default false,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  constraint share_link_pkey PRIMARY KEY (share_id),
  constraint share_link_token_hash_key UNIQUE (token_hash),
  constraint share_link_tenant_id_asset_id_fkey FOREIGN KEY (tenant_id, asset_id) REFERENCES asset(tenant_id, asset_id),
  constraint share_link_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint share_link_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product(tenant_id, product_id),
  constraint share_link_token_hash_check CHECK ((octet_length(token_hash) = 32))
);

create table signing_key (
  kid text not null,
  tenant_id text not null,
  product_id text not null,
  secret bytea not null,
  label text not null default ''::text,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint signing_key_pkey PRIMARY KEY (kid),
  constraint signing_key_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint signing_key_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product(tenant_id, product_id),
  constraint signing_key_kid_check CHECK ((kid ~ '^[a-z0-9][a-z0-9-]{0,63}$'::text)),
  constraint signing_key_secret_check CHECK ((octet_length(secret) > 1))
);

create table source (
  tenant_id text not null,
  name text not null,
  adapter text not null,
  product_id text not null,
  collection_id text not null,
  scheme text not null,
  header text,
  secret bytea not null,
  secret_at timestamp with time zone not null default now(),
  base_url text,
  trust smallint not null,
  publish_policy text not null,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  bucket_key_id text,
  bucket_secret bytea,
  bucket_region text,
  constraint source_pkey PRIMARY KEY (tenant_id, name),
  constraint source_tenant_id_collection_id_fkey FOREIGN KEY (tenant_id, collection_id) REFERENCES collection(tenant_id, collection_id),
  constraint source_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint source_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product(tenant_id, product_id),
  constraint bucket_key_is_whole CHECK ((((bucket_key_id IS NULL) = (bucket_secret IS NULL)) AND ((bucket_key_id IS NULL) = (bucket_region IS NULL)))),
  constraint source_adapter_check CHECK ((adapter = ANY (ARRAY['cloudevents'::text, 's3-events'::text]))),
  constraint source_base_url_check CHECK ((length(base_url) <= 1024)),
  constraint source_bucket_key_id_check CHECK (((length(bucket_key_id) >= 1) AND (length(bucket_key_id) <= 128))),
  constraint source_bucket_region_check CHECK ((bucket_region ~ '^[a-z0-9-]{1,40}$'::text)),
  constraint source_header_check CHECK ((header ~ '^[a-z0-9-]{1,60}$'::text)),
  constraint source_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text)),
  constraint source_publish_policy_check CHECK ((publish_policy = ANY (ARRAY['when-ready'::text, 'now'::text, 'manual'::text]))),
  constraint source_scheme_check CHECK ((scheme = ANY (ARRAY['standard-webhooks'::text, 'hmac-sha256'::text, 'bearer'::text]))),
  constraint source_trust_check CHECK (((trust >= 0) AND (trust <= 3)))
);

create table source_event (
  tenant_id text not null,
  event_id uuid not null,
  source text not null,
  key bytea not null,
  raw bytea,
  received_at timestamp with time zone not null default now(),
  constraint source_event_pkey PRIMARY KEY (tenant_id, event_id),
  constraint source_event_tenant_id_source_key_key UNIQUE (tenant_id, source, key),
  constraint source_event_key_check CHECK ((octet_length(key) = 32))
);

create table source_item (
  tenant_id text not null,
  event_id uuid not null,
  ordinal integer not null,
  item_no bigint not null generated always as identity,
  source text not null,
  external_id text,
  state text not null default 'PENDING'::text,
  tries integer not null default 0,
  failures integer not null default 0,
  not_before timestamp with time zone not null default now(),
  code text,
  asset_id uuid,
  version integer,
  finished_at timestamp with time zone,
  constraint source_item_pkey PRIMARY KEY (tenant_id, event_id, ordinal),
  constraint source_item_tenant_id_event_id_fkey FOREIGN KEY (tenant_id, event_id) REFERENCES source_event(tenant_id, event_id) ON DELETE CASCADE,
  constraint source_item_check CHECK (((finished_at IS NULL) = (state = 'PENDING'::text))),
  constraint source_item_check1 CHECK (((state <> 'DONE'::text) OR (version IS NOT NULL))),
  constraint source_item_state_check CHECK ((state = ANY (ARRAY['PENDING'::text, 'DONE'::text, 'DEAD'::text])))
);

create table stored_original (
  tenant_id text not null,
  product_id text not null,
  slot smallint not null,
  originals bigint not null,
  bytes bigint not null,
  constraint stored_original_pkey PRIMARY KEY (tenant_id, product_id, slot),
  constraint stored_original_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint stored_original_slot_check CHECK (((slot >= 0) AND (slot <= 15)))
);

create table subscription (
  tenant_id text not null,
  subscription_id text not null,
  product_id text,
  url text not null,
  types text[],
  asset_id uuid,
  collection_id text,
  description text not null default ''::text,
  scopes text[] not null,
  state text not null default 'ACTIVE'::text,
  disabled_reason text,
  secret bytea not null,
  secret_at timestamp with time zone not null default now(),
  former_secret bytea,
  former_until timestamp with time zone,
  cursor_seq bigint not null,
  failures integer not null default 0,
  failing_since timestamp with time zone,
  hold_until timestamp with time zone not null default now(),
  carrier text,
  lease_until timestamp with time zone not null default now(),
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  constraint subscription_pkey PRIMARY KEY (tenant_id, subscription_id),
  constraint subscription_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint subscription_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product(tenant_id, product_id),
  constraint subscription_check CHECK (((former_secret IS NULL) = (former_until IS NULL))),
  constraint subscription_check1 CHECK (((state = 'DISABLED'::text) = (disabled_reason IS NOT NULL))),
  constraint subscription_check2 CHECK (((failures = 0) = (failing_since IS NULL))),
  constraint subscription_cursor_seq_check CHECK ((cursor_seq >= 0)),
  constraint subscription_description_check CHECK ((length(description) <= 200)),
  constraint subscription_failures_check CHECK ((failures >= 0)),
  constraint subscription_state_check CHECK ((state = ANY (ARRAY['ACTIVE'::text, 'PAUSED'::text, 'DISABLED'::text]))),
  constraint subscription_subscription_id_check CHECK ((subscription_id ~ '^sub_[0-9a-f]{32}$'::text)),
  constraint subscription_types_check CHECK (((cardinality(types) >= 1) AND (cardinality(types) <= 200))),
  constraint subscription_url_check CHECK (((length(url) >= 1) AND (length(url) <= 2048)))
);

create table tenant (
  tenant_id text not null,
  created_at timestamp with time zone not null default now(),
  constraint tenant_pkey PRIMARY KEY (tenant_id),
  constraint tenant_tenant_id_check CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text))
);

create table tus_piece (
  tenant_id text not null,
  upload_id uuid not null,
  first bigint not null,
  bytes bigint not null,
  name text not null,
  constraint tus_piece_pkey PRIMARY KEY (tenant_id, upload_id, first),
  constraint tus_piece_tenant_id_upload_id_fkey FOREIGN KEY (tenant_id, upload_id) REFERENCES tus_upload(tenant_id, upload_id) ON DELETE CASCADE,
  constraint tus_piece_bytes_check CHECK ((bytes > 0)),
  constraint tus_piece_first_check CHECK ((first >= 0))
);

create table tus_upload (
  tenant_id text not null,
  upload_id uuid not null,
  principal text not null,
  product_id text not null,
  wish jsonb not null,
  metadata text not null,
  length bigint not null,
  received bigint not null default 0,
  fence bigint not null default 0,
  finishing_until timestamp with time zone,
  state text not null default 'OPEN'::text,
  answer jsonb,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  cleared_at timestamp with time zone,
  constraint tus_upload_pkey PRIMARY KEY (tenant_id, upload_id),
  constraint tus_upload_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint tus_upload_check CHECK (((received >= 0) AND (received <= length))),
  constraint tus_upload_check1 CHECK (((state = 'OPEN'::text) = (ended_at IS NULL))),
  constraint tus_upload_check2 CHECK (((state = 'DONE'::text) = (received = length))),
  constraint tus_upload_check3 CHECK (((state = ANY (ARRAY['DONE'::text, 'REFUSED'::text])) = (answer IS NOT NULL))),
  constraint tus_upload_length_check CHECK ((length > 0)),
  constraint tus_upload_state_check CHECK ((state = ANY (ARRAY['OPEN'::text, 'DONE'::text, 'REFUSED'::text, 'EXPIRED'::text, 'TERMINATED'::text])))
);

create table upload (
  tenant_id text not null,
  upload_id uuid not null,
  product_id text not null,
  state text not null default 'OPEN'::text,
  wish jsonb not null,
  byte_length bigint not null,
  sha256 bytea,
  session text,
  part_bytes bigint,
  lease_until timestamp with time zone,
  fence integer not null default 0,
  answer jsonb,
  problem jsonb,
  created_by text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  constraint upload_pkey PRIMARY KEY (tenant_id, upload_id),
  constraint upload_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(tenant_id),
  constraint upload_tenant_id_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product(tenant_id, product_id),
  constraint upload_byte_length_check CHECK ((byte_length > 0)),
  constraint upload_check CHECK (((session IS NULL) = (part_bytes IS NULL))),
  constraint upload_check1 CHECK (((finished_at IS NULL) = (state = ANY (ARRAY['OPEN'::text, 'COMPLETING'::text])))),
  constraint upload_check2 CHECK (((lease_until IS NULL) = (state <> 'COMPLETING'::text))),
  constraint upload_check3 CHECK (((answer IS NULL) = (state <> 'COMPLETED'::text))),
  constraint upload_check4 CHECK (((problem IS NULL) = (state <> 'REJECTED'::text))),
  constraint upload_part_bytes_check CHECK ((part_bytes > 0)),
  constraint upload_sha256_check CHECK ((length(sha256) = 32)),
  constraint upload_state_check CHECK ((state = ANY (ARRAY['OPEN'::text, 'COMPLETING'::text, 'COMPLETED'::text, 'REJECTED'::text, 'EXPIRED'::text])))
);

CREATE INDEX alias_of_asset ON public.asset_alias USING btree (tenant_id, asset_id);
CREATE INDEX api_key_of_product ON public.api_key USING btree (tenant_id, product_id);
CREATE INDEX asset_by_collection ON public.asset USING btree (tenant_id, collection_id, asset_id);
CREATE INDEX asset_deleted ON public.asset USING btree (deleted_at) WHERE ((deleted_at IS NOT NULL) AND (erased_at IS NULL));
CREATE INDEX asset_edge_of_product ON public.asset_edge USING btree (tenant_id, product_id, asset_id);
CREATE INDEX asset_expiring ON public.asset USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX asset_search_by_change ON public.asset_search USING btree (tenant_id, collection_id, updated_at, asset_id);
CREATE INDEX asset_term_by_number ON public.asset_term USING btree (tenant_id, collection_id, path, number, asset_id) WHERE (number IS NOT NULL);
CREATE INDEX asset_term_by_value ON public.asset_term USING btree (tenant_id, collection_id, path, value, asset_id);
CREATE INDEX audit_of_actor ON public.audit USING btree (tenant_id, actor, at);
CREATE INDEX audit_of_resource ON public.audit USING btree (tenant_id, resource text_pattern_ops, at);
CREATE INDEX audit_unchained ON public.audit USING btree (tenant_id, insert_no) WHERE (audit_no IS NULL);
CREATE INDEX comparison_of_new_node ON public.comparison USING btree (tenant_id, new_node);
CREATE INDEX comparison_wanted ON public.comparison USING btree (not_before) WHERE (compared_at IS NULL);
CREATE INDEX consumer_contract_of_product ON public.consumer_contract USING btree (tenant_id, product_id);
CREATE INDEX delivery_dead ON public.delivery USING btree (tenant_id, subscription_id, delivery_no) WHERE (state = 'DEAD'::text);
CREATE INDEX delivery_dead_by_time ON public.delivery USING btree (tenant_id, finished_at DESC, delivery_id DESC) WHERE (state = 'DEAD'::text);
CREATE INDEX delivery_due ON public.delivery USING btree (tenant_id, subscription_id, not_before) WHERE (state = 'PENDING'::text);
CREATE UNIQUE INDEX delivery_in_turn ON public.delivery USING btree (tenant_id, subscription_id, asset_id) WHERE (state = 'PENDING'::text);
CREATE INDEX delivery_listed ON public.delivery USING btree (tenant_id, subscription_id, delivery_no);
CREATE UNIQUE INDEX delivery_once ON public.delivery USING btree (tenant_id, subscription_id, event_seq) WHERE (replay_id IS NULL);
CREATE INDEX delivery_over ON public.delivery USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX delivery_waiting ON public.delivery USING btree (tenant_id, subscription_id, asset_id, delivery_no) WHERE (state = 'WAITING'::text);
CREATE INDEX edge_of_product ON public.edge USING btree (tenant_id, product_id);
CREATE INDEX erasure_object_doomed ON public.erasure_object USING btree (not_before) WHERE (state = 'DOOMED'::text);
CREATE INDEX erasure_object_of_bytes ON public.erasure_object USING btree (tenant_id, kind, sha256);
CREATE INDEX erasure_open ON public.erasure USING btree (requested_at) WHERE (state <> 'DONE'::text);
CREATE INDEX event_of_tenant ON public.event USING btree (tenant_id, seq) WHERE (seq IS NOT NULL);
CREATE INDEX event_replay_over ON public.event_replay USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE UNIQUE INDEX event_replay_running ON public.event_replay USING btree (tenant_id, subscription_id) WHERE (finished_at IS NULL);
CREATE INDEX event_unsequenced ON public.event USING btree (insert_no) WHERE (seq IS NULL);
CREATE INDEX idempotency_expired ON public.idempotency USING btree (expires_at);
CREATE INDEX issuer_subject_of_product ON public.issuer_subject USING btree (tenant_id, product_id);
CREATE INDEX leaf_move_node ON public.leaf_move USING btree (tenant_id, node_id);
CREATE INDEX leaf_of_node ON public.leaf USING btree (tenant_id, node_id, product_id) WHERE (node_id IS NOT NULL);
CREATE INDEX look_wanted ON public.original_look USING btree (not_before) WHERE ((made_at IS NULL) AND (tries < 2));
CREATE INDEX node_dead_by_time ON public.node USING btree (tenant_id, finished_at, node_id) WHERE (state = 'DEAD'::node_state);
CREATE INDEX node_in_hand ON public.node USING btree (tenant_id, original) WHERE (state = 'RUNNING'::node_state);
CREATE INDEX node_input_of_original ON public.node_input USING btree (tenant_id, original);
CREATE INDEX node_leased ON public.node USING btree (lease_until) WHERE (state = 'RUNNING'::node_state);
CREATE INDEX node_of_original ON public.node USING btree (tenant_id, original);
CREATE INDEX node_of_output ON public.node USING btree (tenant_id, output) WHERE (output IS NOT NULL);
CREATE INDEX node_of_product_waiting ON public.node USING btree (tenant_id, product_id, priority, queued_at) WHERE (state = ANY (ARRAY['QUEUED'::node_state, 'RETRY'::node_state]));
CREATE INDEX node_runnable ON public.node USING btree (tenant_id, original, priority, node_id) WHERE (state = ANY (ARRAY['QUEUED'::node_state, 'RETRY'::node_state]));
CREATE INDEX node_spent ON public.node USING btree (tenant_id, product_id, finished_at) INCLUDE (cpu_ms) WHERE (state = 'DONE'::node_state);
CREATE INDEX node_waiting ON public.node USING btree (priority, queued_at) WHERE (state = ANY (ARRAY['QUEUED'::node_state, 'RETRY'::node_state]));
CREATE UNIQUE INDEX one_active_rendition ON public.rendition USING btree (tenant_id, collection_id, product_id, name) WHERE (state = 'active'::text);
CREATE UNIQUE INDEX one_active_version ON public.asset_version USING btree (tenant_id, asset_id) WHERE (state = 'ACTIVE'::version_state);
CREATE UNIQUE INDEX one_busy_rollout ON public.rollout USING btree (tenant_id) WHERE (state = ANY (ARRAY['PLANNING'::text, 'COMPARING'::text, 'PROMOTING'::text, 'ROLLING_BACK'::text]));
CREATE UNIQUE INDEX one_erasure_of_asset ON public.erasure USING btree (tenant_id, asset_id) WHERE (version IS NULL);
CREATE UNIQUE INDEX one_erasure_of_version ON public.erasure USING btree (tenant_id, asset_id, version) WHERE (version IS NOT NULL);
CREATE UNIQUE INDEX one_open_operation ON public.operation USING btree (tenant_id, kind, input) WHERE (state = ANY (ARRAY['RUNNING'::text, 'PAUSED'::text]));
CREATE INDEX operation_ended ON public.operation USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX operation_running ON public.operation USING btree (created_at) WHERE (state = 'RUNNING'::text);
CREATE INDEX operation_step_running ON public.operation_step USING btree (tenant_id, operation_id) WHERE (state = 'RUNNING'::text);
CREATE INDEX original_metadata_unread ON public.original_metadata USING btree (normaliser, not_before);
CREATE INDEX purge_due ON public.purge USING btree (not_before) WHERE (state = 'PENDING'::text);
CREATE INDEX purge_over ON public.purge USING btree (finished_at) WHERE (state <> 'PENDING'::text);
CREATE INDEX rendition_deprecated ON public.rendition USING btree (tenant_id, sunset_at) WHERE ((state = 'active'::text) AND (deprecated_at IS NOT NULL));
CREATE INDEX rollout_leaf_of_node ON public.rollout_leaf USING btree (tenant_id, new_node, old_node) WHERE (new_node IS NOT NULL);
CREATE INDEX rollout_leaf_of_old_node ON public.rollout_leaf USING btree (tenant_id, old_node);
CREATE INDEX rollout_leaf_of_version ON public.rollout_leaf USING btree (tenant_id, asset_id, version);
CREATE INDEX saga_ended ON public.saga USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX saga_open ON public.saga USING btree (created_at) WHERE (state = ANY (ARRAY['RUNNING'::text, 'COMPENSATING'::text]));
CREATE INDEX saga_step_done ON public.saga_step USING btree (tenant_id, saga_id, step_no) WHERE (state = ANY (ARRAY['DONE'::text, 'STUCK'::text]));
CREATE INDEX saga_step_pending ON public.saga_step USING btree (tenant_id, saga_id, step_no) WHERE (state = 'PENDING'::text);
CREATE INDEX scan_waiting ON public.scan USING btree (not_before) WHERE (state = 'WAITING'::text);
CREATE INDEX schedule_due ON public.schedule USING btree (publish_at);
CREATE INDEX share_link_of_asset ON public.share_link USING btree (tenant_id, asset_id, created_at);
CREATE INDEX signing_key_of_product ON public.signing_key USING btree (tenant_id, product_id, created_at);
CREATE INDEX source_event_by_age ON public.source_event USING btree (received_at);
CREATE INDEX source_item_due ON public.source_item USING btree (not_before) WHERE (state = 'PENDING'::text);
CREATE INDEX source_item_in_order ON public.source_item USING btree (tenant_id, source, external_id, item_no) WHERE (state = 'PENDING'::text);
CREATE INDEX source_item_of_asset ON public.source_item USING btree (tenant_id, asset_id) WHERE (asset_id IS NOT NULL);
CREATE INDEX tus_upload_due ON public.tus_upload USING btree (expires_at) WHERE (state = 'OPEN'::text);
CREATE INDEX tus_upload_ended ON public.tus_upload USING btree (ended_at) WHERE (cleared_at IS NOT NULL);
CREATE INDEX tus_upload_open ON public.tus_upload USING btree (tenant_id, product_id) WHERE (state = 'OPEN'::text);
CREATE INDEX tus_upload_uncleared ON public.tus_upload USING btree (ended_at) WHERE ((cleared_at IS NULL) AND (state <> 'OPEN'::text));
CREATE INDEX upload_due ON public.upload USING btree (expires_at) WHERE (state = ANY (ARRAY['OPEN'::text, 'COMPLETING'::text]));
CREATE INDEX upload_finished ON public.upload USING btree (finished_at) WHERE (state = ANY (ARRAY['COMPLETED'::text, 'REJECTED'::text, 'EXPIRED'::text]));
CREATE INDEX upload_open ON public.upload USING btree (tenant_id, product_id) WHERE (state = ANY (ARRAY['OPEN'::text, 'COMPLETING'::text]));
CREATE INDEX version_by_original ON public.asset_version USING btree (tenant_id, sha256);
CREATE INDEX version_in_processing ON public.asset_version USING btree (created_at) WHERE (state = 'PROCESSING'::version_state);
CREATE INDEX version_pending ON public.asset_version USING btree (created_at) WHERE (state = 'PENDING'::version_state);

CREATE OR REPLACE FUNCTION public.append_only()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception '% is append-only', tg_table_name using errcode = '23001';
end $function$
;

CREATE OR REPLACE FUNCTION public.asset_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'INSERT' or (new.alias, new.labels, new.attributes, new.deleted_at, new.erased_at) is distinct from
      (old.alias, old.labels, old.attributes, old.deleted_at, old.erased_at) then
    perform asset_index(new);
  elsif (new.active_version, new.archived_at, new.owner_product) is not distinct from
      (old.active_version, old.archived_at, old.owner_product) then
    update asset_search s set updated_at = new.updated_at
      where s.tenant_id = new.tenant_id and s.collection_id = new.collection_id and s.asset_id = new.asset_id;
  elsif new.active_version is distinct from old.active_version and file_name(new) is distinct from file_name(old) then
    perform asset_index(new);
  else
    update asset_search s set owner_product = f.owner_product, state = f.state, updated_at = f.updated_at,
        media_type = f.media_type, byte_length = f.byte_length, width = f.width, height = f.height
      from asset_facts(new) f
      where s.tenant_id = new.tenant_id and s.collection_id = new.collection_id and s.asset_id = new.asset_id;
  end if;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.asset_edge_purges()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  one record := case when tg_op = 'DELETE' then old else new end;
begin
  insert into purge (tenant_id, reason, subject, tags)
    values (one.tenant_id, 'grant', 'assets/' || one.asset_id || '/grants/' || one.product_id, array['a:' || one.asset_id]);
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.asset_facts(a asset)
 RETURNS SETOF asset_search
 LANGUAGE sql
 STABLE
AS $function$
  select a.tenant_id, a.collection_id, a.asset_id, a.owner_product,
    case when a.archived_at is not null then 'ARCHIVED' when a.active_version is null then 'PENDING' else 'ACTIVE' end,
    a.updated_at, o.media_type, o.byte_length,
    (o.image ->> case when (o.image ->> 'orientation')::int >= 5 then 'height' else 'width' end)::int,
    (o.image ->> case when (o.image ->> 'orientation')::int >= 5 then 'width' else 'height' end)::int
  from (select) one
  left join asset_version v on v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.version = a.active_version
  left join original o on o.tenant_id = v.tenant_id and o.sha256 = v.sha256
$function$
;

CREATE OR REPLACE FUNCTION public.asset_index(a asset)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  if a.deleted_at is not null or a.erased_at is not null then
    delete from asset_term t where t.tenant_id = a.tenant_id and t.asset_id = a.asset_id;
    delete from asset_search s where s.tenant_id = a.tenant_id and s.collection_id = a.collection_id and s.asset_id = a.asset_id;
    return;
  end if;
  insert into asset_search as s select f.* from asset_facts(a) f
    on conflict (tenant_id, collection_id, asset_id) do update
    set owner_product = excluded.owner_product, state = excluded.state, updated_at = excluded.updated_at,
        media_type = excluded.media_type, byte_length = excluded.byte_length, width = excluded.width, height = excluded.height;
  with wanted as materialized (
    select w.path, w.value, w.number from asset_terms(a, file_name(a)) w
  ), gone as (
    delete from asset_term t where t.tenant_id = a.tenant_id and t.asset_id = a.asset_id
      and not exists (select from wanted w where w.path = t.path and w.value = t.value)
  )
  insert into asset_term (tenant_id, collection_id, asset_id, path, value, number)
    select a.tenant_id, a.collection_id, a.asset_id, w.path, w.value, w.number from wanted w on conflict do nothing;
end $function$
;

CREATE OR REPLACE FUNCTION public.asset_purges()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  why text := case when new.erased_at is not null and old.erased_at is null then 'erase'
                   when new.deleted_at is not null and old.deleted_at is null then 'delete'
                   when new.archived_at is not null and old.archived_at is null then 'archive'
                   when new.active_version is distinct from old.active_version and old.active_version is not null then 'publish' end;
begin
  if why is not null then
    insert into purge (tenant_id, reason, subject, tags) values (new.tenant_id, why, 'assets/' || new.asset_id,
      array[case why when 'publish' then 'v:' || new.asset_id || '.' || old.active_version else 'a:' || new.asset_id end]);
  end if;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.asset_terms(a asset, filename text)
 RETURNS TABLE(path text, value text, number double precision)
 LANGUAGE sql
 STABLE
AS $function$
  with recursive inside (path, v) as (
    select e.key, e.value from jsonb_each(a.attributes) e
    union all
    select coalesce(i.path || '.' || c.key, i.path), c.value from inside i cross join lateral (
      select o.key, o.value from jsonb_each(case jsonb_typeof(i.v) when 'object' then i.v else '{}' end) o
      union all
      select null, l.value from jsonb_array_elements(case jsonb_typeof(i.v) when 'array' then i.v else '[]' end) l) c
  )
  select path, case jsonb_typeof(v)
      when 'string' then '"' || left(v #>> '{}', 100)
        || case when length(v #>> '{}') > 100 then md5(v #>> '{}') else '' end
      when 'number' then '#' || (v #>> '{}')
      when 'boolean' then left(v #>> '{}', 1)
      when 'null' then 'n' when 'object' then '{' else '[' end,
    case jsonb_typeof(v) when 'number' then (v #>> '{}')::double precision end
  from inside
  union select 'labels', l, null from unnest(a.labels) l
  union select '@', a.alias, null where a.alias is not null
  union select '~', w.word, null from search_words(concat_ws(' ', a.alias, filename,
    case jsonb_typeof(a.attributes -> 'title') when 'string' then a.attributes ->> 'title' end)) w
$function$
;

CREATE OR REPLACE FUNCTION public.audit_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op <> 'UPDATE' then
    raise exception 'the audit is not deleted' using errcode = '23001';
  end if;
  if old.audit_no is not null or new.audit_no is null
    or (to_jsonb(old) - array['audit_no', 'prev_hash', 'hash']) <> (to_jsonb(new) - array['audit_no', 'prev_hash', 'hash']) then
    raise exception 'the audit never changes' using errcode = '23001';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.audit_head_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op <> 'UPDATE' then
    raise exception 'the head of the audit is not deleted' using errcode = '23001';
  end if;
  if new.audit_no <= old.audit_no or new.tenant_id <> old.tenant_id then
    raise exception 'the head of the audit goes on only' using errcode = '23001';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.count_original()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  sign int := case when tg_op = 'INSERT' then 1 else -1 end;
  o original := case when tg_op = 'INSERT' then new else old end;
begin
  insert into stored_original as s (tenant_id, product_id, slot, originals, bytes)
  values (o.tenant_id, o.product_id, pg_backend_pid() % 16, sign, sign * o.byte_length)
  on conflict (tenant_id, product_id, slot) do update set originals = s.originals + excluded.originals, bytes = s.bytes + excluded.bytes;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.edge_purges()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into purge (tenant_id, reason, subject, tags)
    values (old.tenant_id, 'grant', 'collections/' || old.collection_id || '/grants/' || old.product_id, array['p:' || old.product_id]);
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.erasure_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'DELETE' then
    raise exception 'an erasure is not forgotten' using errcode = '23001';
  end if;
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'UNBINDING>FORGETTING', 'FORGETTING>DELETING', 'DELETING>DONE', 'DELETING>UNBINDING', 'PRUNING>DONE') then
    raise exception 'illegal erasure transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.event_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'DELETE' then
    raise exception 'events are not deleted' using errcode = '23001';
  end if;
  if old.seq is not null or (to_jsonb(old) - array['seq', 'sequenced_at']) <> (to_jsonb(new) - array['seq', 'sequenced_at']) then
    raise exception 'an event never changes' using errcode = '23001';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.file_name(a asset)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select v.filename from asset_version v where v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.version = a.active_version
$function$
;

CREATE OR REPLACE FUNCTION public.forget_metadata()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  delete from original_metadata where tenant_id = old.tenant_id and sha256 = old.sha256;
  return old;
end $function$
;

CREATE OR REPLACE FUNCTION public.held_is_not_erased()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if exists (select 1 from asset_hold h where h.tenant_id = new.tenant_id and h.asset_id = new.asset_id) then
    raise exception 'a held asset is not erased' using errcode = '23001';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.label_purges()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if exists (select from edge e where e.tenant_id = new.tenant_id and e.collection_id = new.collection_id and e.delivery <> 'redirect') then
    insert into purge (tenant_id, reason, subject, tags)
      values (new.tenant_id, 'labels', 'assets/' || new.asset_id, array['a:' || new.asset_id]);
  end if;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.node_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'PLANNED>QUEUED', 'QUEUED>RUNNING', 'RETRY>RUNNING', 'RUNNING>DONE', 'RUNNING>RETRY', 'RUNNING>QUEUED', 'RUNNING>DEAD',
    'DONE>EVICTED', 'EVICTED>QUEUED', 'DEAD>QUEUED', 'DONE>QUEUED') then
    raise exception 'illegal node transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  if new.fence < old.fence then
    raise exception 'a fence never goes back' using errcode = '23514';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.operation_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'RUNNING>PAUSED', 'PAUSED>RUNNING', 'RUNNING>SUCCEEDED', 'RUNNING>PARTIAL', 'RUNNING>FAILED', 'RUNNING>CANCELLED', 'PAUSED>CANCELLED') then
    raise exception 'illegal operation transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.original_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'an original never changes' using errcode = '23001';
end $function$
;

CREATE OR REPLACE FUNCTION public.product_purges()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into purge (tenant_id, reason, subject, tags)
    values (new.tenant_id, 'product', 'products/' || new.product_id, array['p:' || new.product_id]);
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.rendition_purges()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into purge (tenant_id, reason, subject, tags) values (old.tenant_id, 'rendition',
    'collections/' || old.collection_id || '/products/' || old.product_id || '/renditions/' || old.name,
    array['r:' || old.product_id || '.' || old.name]);
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.revise_matrix()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  changed text := case when tg_op = 'DELETE' then old.tenant_id else new.tenant_id end;
begin
  insert into matrix_revision as m (tenant_id, revision) values (changed, 1)
    on conflict (tenant_id) do update set revision = m.revision + 1;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.rollout_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'PLANNING>COMPARING', 'COMPARING>READY', 'READY>PROMOTING', 'PROMOTING>PROMOTED',
    'PLANNING>ROLLED_BACK', 'COMPARING>ROLLED_BACK', 'READY>ROLLED_BACK',
    'PROMOTING>ROLLING_BACK', 'PROMOTED>ROLLING_BACK', 'ROLLING_BACK>ROLLED_BACK') then
    raise exception 'illegal rollout transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.saga_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'RUNNING>PAUSED', 'PAUSED>RUNNING', 'RUNNING>SUCCEEDED', 'RUNNING>PARTIAL', 'RUNNING>FAILED', 'RUNNING>CANCELLED', 'PAUSED>CANCELLED',
    'RUNNING>COMPENSATING', 'PAUSED>COMPENSATING', 'SUCCEEDED>COMPENSATING', 'PARTIAL>COMPENSATING', 'FAILED>COMPENSATING',
    'CANCELLED>COMPENSATING', 'COMPENSATING>COMPENSATED', 'COMPENSATING>FAILED') then
    raise exception 'illegal saga transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.saga_step_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'PENDING>DONE', 'PENDING>FAILED', 'PENDING>SKIPPED', 'DONE>UNDONE', 'DONE>STUCK', 'STUCK>DONE') then
    raise exception 'illegal step transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.search_words(said text)
 RETURNS TABLE(word text)
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
      select distinct left(w, 64) from (select w from regexp_split_to_table(
        lower(normalize(left(said, 2000), NFKC) collate "und-x-icu"),
        '[^a-z0-9\u00c0-\u1fff\u2c00-\u2fff\u3040-\ud7ff\uf900-\ufdff\ufe70-\ufeff\uff10-\U0010ffff]+') w limit 64) s
      where w <> ''
    $function$
;

CREATE OR REPLACE FUNCTION public.share_link_purges()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into purge (tenant_id, reason, subject, tags)
    values (old.tenant_id, 'share', 'assets/' || old.asset_id || '/shares/' || old.share_id, array['a:' || old.asset_id]);
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.signing_key_purges()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into purge (tenant_id, reason, subject, tags)
    values (old.tenant_id, 'signing-key', 'signing-keys/' || old.kid, array['p:' || old.product_id]);
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.upload_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'OPEN>COMPLETING', 'COMPLETING>OPEN', 'COMPLETING>COMPLETED', 'COMPLETING>REJECTED', 'OPEN>EXPIRED', 'COMPLETING>EXPIRED') then
    raise exception 'illegal upload transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.version_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.sha256 is not null and new.sha256 is distinct from old.sha256 and new.state <> 'PURGED' then
    raise exception 'the content of a version never changes' using errcode = '23001';
  end if;
  if old.state <> new.state and (old.state || '>' || new.state) not in (
    'PENDING>PROCESSING', 'PENDING>FAILED', 'PENDING>PURGED',
    'PROCESSING>READY', 'PROCESSING>ACTIVE', 'PROCESSING>FAILED',
    'READY>ACTIVE', 'READY>ARCHIVED', 'READY>PROCESSING', 'READY>PURGED',
    'ACTIVE>ARCHIVED', 'ARCHIVED>ACTIVE', 'ARCHIVED>PROCESSING', 'ARCHIVED>PURGED',
    'FAILED>PROCESSING', 'FAILED>PURGED') then
    raise exception 'illegal version transition % -> %', old.state, new.state using errcode = '23514';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.want_look()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into original_look (tenant_id, sha256) values (new.tenant_id, new.sha256) on conflict do nothing;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.want_metadata()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into original_metadata (tenant_id, sha256) values (new.tenant_id, new.sha256) on conflict do nothing;
  return null;
end $function$
;

CREATE CONSTRAINT TRIGGER api_key_revises AFTER DELETE OR UPDATE ON public.api_key DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION revise_matrix();
CREATE TRIGGER asset_is_found AFTER INSERT ON public.asset FOR EACH ROW EXECUTE FUNCTION asset_changed();
CREATE TRIGGER asset_is_found_anew AFTER UPDATE ON public.asset FOR EACH ROW WHEN ((((((((((old.active_version IS DISTINCT FROM new.active_version) OR (old.alias IS DISTINCT FROM new.alias)) OR (old.labels IS DISTINCT FROM new.labels)) OR (old.attributes IS DISTINCT FROM new.attributes)) OR (old.archived_at IS DISTINCT FROM new.archived_at)) OR (old.deleted_at IS DISTINCT FROM new.deleted_at)) OR (old.erased_at IS DISTINCT FROM new.erased_at)) OR (old.owner_product IS DISTINCT FROM new.owner_product)) OR (old.updated_at IS DISTINCT FROM new.updated_at))) EXECUTE FUNCTION asset_changed();
CREATE TRIGGER asset_label_purges AFTER UPDATE ON public.asset FOR EACH ROW WHEN ((old.labels IS DISTINCT FROM new.labels)) EXECUTE FUNCTION label_purges();
CREATE TRIGGER asset_purges AFTER UPDATE ON public.asset FOR EACH ROW WHEN (((new.active_version IS DISTINCT FROM old.active_version) OR (new.archived_at IS DISTINCT FROM old.archived_at) OR (new.deleted_at IS DISTINCT FROM old.deleted_at) OR (new.erased_at IS DISTINCT FROM old.erased_at))) EXECUTE FUNCTION asset_purges();
CREATE TRIGGER asset_edge_purges AFTER INSERT OR DELETE OR UPDATE ON public.asset_edge FOR EACH ROW EXECUTE FUNCTION asset_edge_purges();
CREATE CONSTRAINT TRIGGER asset_edge_revises AFTER INSERT OR DELETE OR UPDATE ON public.asset_edge DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION revise_matrix();
CREATE TRIGGER version_machine BEFORE UPDATE ON public.asset_version FOR EACH ROW EXECUTE FUNCTION version_guard();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION audit_guard();
CREATE TRIGGER audit_ledger BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION audit_guard();
CREATE TRIGGER audit_head_kept BEFORE TRUNCATE ON public.audit_head FOR EACH STATEMENT EXECUTE FUNCTION audit_head_guard();
CREATE TRIGGER audit_head_ledger BEFORE DELETE OR UPDATE ON public.audit_head FOR EACH ROW EXECUTE FUNCTION audit_head_guard();
CREATE TRIGGER edge_change_purges AFTER UPDATE ON public.edge FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION edge_purges();
CREATE TRIGGER edge_purges AFTER DELETE ON public.edge FOR EACH ROW EXECUTE FUNCTION edge_purges();
CREATE CONSTRAINT TRIGGER edge_revises AFTER INSERT OR DELETE OR UPDATE ON public.edge DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION revise_matrix();
CREATE TRIGGER erasure_machine BEFORE DELETE OR UPDATE ON public.erasure FOR EACH ROW EXECUTE FUNCTION erasure_guard();
CREATE TRIGGER erasure_of_held BEFORE INSERT ON public.erasure FOR EACH ROW EXECUTE FUNCTION held_is_not_erased();
CREATE TRIGGER event_ledger BEFORE DELETE OR UPDATE ON public.event FOR EACH ROW EXECUTE FUNCTION event_guard();
CREATE CONSTRAINT TRIGGER issuer_revises AFTER DELETE OR UPDATE ON public.issuer DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION revise_matrix();
CREATE CONSTRAINT TRIGGER leaf_revises AFTER UPDATE ON public.leaf DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((old.node_id IS DISTINCT FROM new.node_id)) EXECUTE FUNCTION revise_matrix();
CREATE TRIGGER node_machine BEFORE UPDATE ON public.node FOR EACH ROW EXECUTE FUNCTION node_guard();
CREATE CONSTRAINT TRIGGER node_revises AFTER UPDATE ON public.node DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((old.state = ANY (ARRAY['DONE'::node_state, 'DEAD'::node_state])) AND (new.state <> old.state))) EXECUTE FUNCTION revise_matrix();
CREATE TRIGGER operation_machine BEFORE UPDATE ON public.operation FOR EACH ROW EXECUTE FUNCTION operation_guard();
CREATE TRIGGER original_counted AFTER INSERT OR DELETE ON public.original FOR EACH ROW EXECUTE FUNCTION count_original();
CREATE TRIGGER original_forgets_metadata BEFORE DELETE ON public.original FOR EACH ROW EXECUTE FUNCTION forget_metadata();
CREATE TRIGGER original_immutable BEFORE UPDATE ON public.original FOR EACH ROW EXECUTE FUNCTION original_guard();
CREATE TRIGGER original_wants_look AFTER INSERT ON public.original FOR EACH ROW WHEN ((new.image IS NOT NULL)) EXECUTE FUNCTION want_look();
CREATE TRIGGER original_wants_metadata AFTER INSERT ON public.original FOR EACH ROW WHEN ((new.image IS NOT NULL)) EXECUTE FUNCTION want_metadata();
CREATE TRIGGER product_purges AFTER UPDATE ON public.product FOR EACH ROW WHEN (((old.origins IS DISTINCT FROM new.origins) OR (old.client_hints <> new.client_hints))) EXECUTE FUNCTION product_purges();
CREATE CONSTRAINT TRIGGER product_revises AFTER UPDATE ON public.product DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((old.origins IS DISTINCT FROM new.origins) OR (old.client_hints <> new.client_hints))) EXECUTE FUNCTION revise_matrix();
CREATE TRIGGER publication_append_only BEFORE DELETE OR UPDATE ON public.publication FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER rendition_purges AFTER UPDATE ON public.rendition FOR EACH ROW WHEN (((old.state = 'active'::text) AND (new.state <> 'active'::text))) EXECUTE FUNCTION rendition_purges();
CREATE CONSTRAINT TRIGGER rendition_revises AFTER INSERT OR DELETE OR UPDATE ON public.rendition DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION revise_matrix();
CREATE TRIGGER rollout_machine BEFORE UPDATE ON public.rollout FOR EACH ROW EXECUTE FUNCTION rollout_guard();
CREATE TRIGGER saga_machine BEFORE UPDATE ON public.saga FOR EACH ROW EXECUTE FUNCTION saga_guard();
CREATE TRIGGER saga_step_machine BEFORE UPDATE ON public.saga_step FOR EACH ROW EXECUTE FUNCTION saga_step_guard();
CREATE TRIGGER share_link_purges AFTER UPDATE ON public.share_link FOR EACH ROW WHEN (((old.revoked_at IS NULL) AND (new.revoked_at IS NOT NULL))) EXECUTE FUNCTION share_link_purges();
CREATE CONSTRAINT TRIGGER share_link_revises AFTER DELETE OR UPDATE ON public.share_link DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION revise_matrix();
CREATE CONSTRAINT TRIGGER signing_key_insert_revises AFTER INSERT ON public.signing_key DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION revise_matrix();
CREATE TRIGGER signing_key_purges AFTER UPDATE ON public.signing_key FOR EACH ROW WHEN ((((old.revoked_at IS NULL) AND (new.revoked_at IS NOT NULL)) OR ((new.expires_at <= now()) AND ((old.expires_at IS NULL) OR (old.expires_at > new.expires_at))))) EXECUTE FUNCTION signing_key_purges();
CREATE CONSTRAINT TRIGGER signing_key_revises AFTER DELETE OR UPDATE ON public.signing_key DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION revise_matrix();
CREATE TRIGGER upload_machine BEFORE UPDATE ON public.upload FOR EACH ROW EXECUTE FUNCTION upload_guard();
