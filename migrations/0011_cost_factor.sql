-- What the steps of the graph cost on the machines that run them, measured there; estimates only, never part of a key.

create table cost_factor (
  -- the engine line and the class of the machine; what runs on both costs the same
  engine       text not null,
  machine      text not null,
  -- milliseconds of CPU per megapixel, by step; null while the first measurement is under way
  factors      jsonb,
  measured_at  timestamptz,
  -- somebody wants it measured (again)
  requested_at timestamptz,
  -- a worker is at it; one that dies is succeeded after a while
  begun_at     timestamptz,
  primary key (engine, machine),
  check ((factors is null) = (measured_at is null))
);
