-- What an event goes back to: the event that caused it, the trace of the request, and whose credential it was. A version knows the event
-- that told of it, for what is made of it later; work that outlives its request keeps the trace until it is done.
alter table event
  add column causation_id uuid,
  add column traceparent text,
  add column actor_product text;
alter table asset_version add column event_id uuid;
alter table node add column traceparent text;
alter table saga add column traceparent text;
alter table erasure add column traceparent text;
alter table schedule add column traceparent text;
alter table operation add column correlation_id text, add column traceparent text;

-- Events that are no asset's: what they are about is said by their subject, and they have no number of an asset. Deliveries keep the order
-- of those by a hash of the subject, in the column that has the asset of others.
alter table event
  add column subject text,
  alter column asset_id drop not null,
  alter column asset_event_no drop not null,
  add constraint event_about check ((asset_id is null) = (asset_event_no is null) and (asset_id is null) = (subject is not null)) not valid;
