-- What attributes of a collection's assets are (model/attribute-schema.ts); null is anything.
alter table collection add column attribute_schema jsonb
  constraint attribute_schema_is_bounded check (
    jsonb_typeof(attribute_schema) = 'object' and octet_length(attribute_schema::text) <= 65536);
