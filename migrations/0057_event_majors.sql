-- What an event says, twice, where its type has more than one major: `data` in the first, which processes of every release read, and
-- `newest` in the major that the catalogue had when it was written. Whoever asks for one between them is told by a cast.
alter table event
  add column major smallint not null default 1,
  add column newest jsonb,
  add constraint event_majors check ((major > 1) = (newest is not null)) not valid;
