# Asset Matrix behind Fastly: custom VCL, what it adds to Fastly's own. Not run by our tests, for it runs at Fastly alone.
#
# Fastly heeds Vary, stale-while-revalidate, stale-if-error and Surrogate-Key of the gateway by itself; purges go by surrogate keys.
# With shielding on, the shield has been told the kind already.

sub vcl_recv {
  #FASTLY recv
  if (req.restarts == 0 && !req.http.Fastly-FF) {
    unset req.http.Matrix-Front;
    unset req.http.Cookie;
    # Any Accept is one of three, so that a negotiated path has at most three copies. `q=0` is a refusal.
    if (req.url.path !~ "\.auto($|/)") {
      unset req.http.Accept;
    } else if (req.http.Accept ~ "(?i)(?:^|,)\s*image/avif\s*(?![^,]*;\s*q=0(?:\.0*)?\s*(?:,|$))(?:;[^,]*)?(?:,|$)") {
      set req.http.Accept = "image/avif,image/webp,*/*";
    } else if (req.http.Accept ~ "(?i)(?:^|,)\s*image/webp\s*(?![^,]*;\s*q=0(?:\.0*)?\s*(?:,|$))(?:;[^,]*)?(?:,|$)") {
      set req.http.Accept = "image/webp,*/*";
    } else {
      set req.http.Accept = "*/*";
    }
  }
  if (req.method != "GET" && req.method != "HEAD") {
    error 405;
  }
  if (req.url.path !~ "^/(?:i|s|share)/") {
    error 404;
  }
  # What somebody proves with a header or a query is his own.
  if (req.http.Authorization || req.url.qs != "") {
    return(pass);
  }
  return(lookup);
}

sub vcl_hash {
  set req.hash += req.url;
  #FASTLY hash
  return(hash);
}

sub vcl_fetch {
  #FASTLY fetch
  if (beresp.http.Cache-Control ~ "(?:private|no-store)") {
    return(pass);
  }
  return(deliver);
}
