-- URLs of a CDN are signed by the newest key of a product, which gateways keep under the revision of the matrix: a new one counts too.
create constraint trigger signing_key_insert_revises after insert on signing_key
  deferrable initially deferred for each row execute function revise_matrix();
