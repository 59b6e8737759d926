-- A third way for bytes to leave: by a front that is told where it finds them. A process that does not know it redirects.
alter table edge drop constraint edge_delivery_check;
alter table edge add constraint edge_delivery_check check (delivery in ('redirect', 'stream', 'accel'));
