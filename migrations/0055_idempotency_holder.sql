-- Whose reservation it is: one that was made although the answer was lost can be given back, and nobody gives back another's.
alter table idempotency add column holder uuid;
