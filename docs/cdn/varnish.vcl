vcl 4.1;

# Asset Matrix behind Varnish (7.0 or newer, as Debian has it; no modules but std).
#
# To change: gateway.internal and its port, who may purge, https://change-me.example, and three secrets:
#   change-me-front-secret   ACCEL_SECRET of the gateway
#   change-me-origin-key     a key made by `matrix keys origin`
#   change-me-purge-token    what is said in X-Purge-Token by whoever purges
# The gateway needs this machine in TRUSTED_PROXIES, or all clients are one to its rate limits and to edges with networks.

import std;

backend gateway {
    .host = "gateway.internal";
    .port = "8080";
    .first_byte_timeout = 30s;
    .between_bytes_timeout = 30s;
    .probe = {
        .url = "/healthz";
        .interval = 2s;
        .timeout = 1s;
        .window = 3;
        .threshold = 2;
        .initial = 2;
    }
}

acl purgers {
    "127.0.0.1";
    "10.0.0.0"/8;
}

sub vcl_recv {
    if (req.restarts == 0) {
        # What only this file says.
        unset req.http.X-Matrix-Inside;
        unset req.http.X-Matrix-Stale;
        set req.http.X-Forwarded-For = client.ip;
        set req.http.Matrix-Front = "change-me-front-secret";

        if (req.method == "BAN") {
            call purge_by_tags;
        }
        if (req.method != "GET" && req.method != "HEAD" && req.method != "OPTIONS") {
            return (synth(405));
        }
        # The API is no CDN's business, and /o/ is reached by the answers of the gateway alone.
        if (req.url !~ "^/(i|s|share)/") {
            return (synth(404));
        }
        unset req.http.Cookie;
        call fold_accept;
    }

    # As long as the gateway is well an old copy stands in for as long as its stale-while-revalidate says, which is never longer.
    if (req.http.X-Matrix-Stale) {
        set req.grace = 365d;
    } else if (std.healthy(req.backend_hint)) {
        set req.grace = 25s;
    }

    if (req.http.X-Matrix-Inside) {
        # Bytes by their content: the gateway has decided that this caller may have them.
        set req.http.Authorization = "Bearer change-me-origin-key";
        unset req.http.Accept;
        # Originals may be larger than the cache.
        if (req.url ~ "\.original$") {
            return (pass);
        }
        return (hash);
    }

    # What somebody proves with a header or a query is his own: asked for each time, kept by nobody.
    if (req.http.Authorization || req.url ~ "\?" || req.method == "OPTIONS") {
        return (pass);
    }
    # Pages that products name (`origins`): each listed here has copies of its own, any other is none. A product that lets
    # everybody read needs no line.
    if (req.http.Origin !~ "^https://(change-me\.example)$") {
        unset req.http.Origin;
    }
    return (hash);
}

# Any Accept is one of three, so that a negotiated path has at most three copies. `q=0` is a refusal.
sub fold_accept {
    if (req.url !~ "\.auto($|[/?])") {
        unset req.http.Accept;
        unset req.http.Save-Data;
        return;
    }
    if (req.http.Save-Data ~ "(?i)^on$") {
        set req.http.Save-Data = "on";
    } else {
        unset req.http.Save-Data;
    }
    std.collect(req.http.Accept);
    if (req.http.Accept ~ "(?i)(?:^|,)\s*image/avif\s*(?![^,]*;\s*q=0(?:\.0*)?\s*(?:,|$))(?:;[^,]*)?(?:,|$)") {
        set req.http.Accept = "image/avif,image/webp,*/*";
    } else if (req.http.Accept ~ "(?i)(?:^|,)\s*image/webp\s*(?![^,]*;\s*q=0(?:\.0*)?\s*(?:,|$))(?:;[^,]*)?(?:,|$)") {
        set req.http.Accept = "image/webp,*/*";
    } else {
        set req.http.Accept = "*/*";
    }
}

# BAN with `Surrogate-Key: <tag> <tag>`: forgets what carries one of these tags, old copies that stand in included.
sub purge_by_tags {
    if (client.ip !~ purgers || req.http.X-Purge-Token != "change-me-purge-token") {
        return (synth(403));
    }
    if (req.http.Surrogate-Key !~ "^[A-Za-z0-9:._-]+([ ,]+[A-Za-z0-9:._-]+)*$") {
        return (synth(400));
    }
    # Whole tags: v:X.1 is not v:X.10.
    set req.http.Surrogate-Key = regsuball(regsuball(req.http.Surrogate-Key, "\.", "\\."), "[ ,]+", "|");
    if (std.ban("obj.http.Cache-Tag ~ (^|,)(" + req.http.Surrogate-Key + ")(,|$)")) {
        return (synth(200, "Banned"));
    }
    return (synth(500));
}

# Whatever name it was asked for by, the path is the identity.
sub vcl_hash {
    hash_data(req.url);
    return (lookup);
}

# Asked once, and there is no old copy: the gateway is not asked a second time for the same answer.
sub vcl_miss {
    if (req.http.X-Matrix-Stale) {
        return (synth(503));
    }
}

sub vcl_backend_response {
    # A decision about one caller; its bytes are asked for after it.
    if (beresp.http.X-Accel-Redirect) {
        set beresp.uncacheable = true;
        set beresp.ttl = 120s;
        return (deliver);
    }
    # A failure that is delivered would take the place of an old copy; one that is an error does not.
    if (beresp.status >= 500 && bereq.is_bgfetch) {
        return (abandon);
    }
    if (beresp.status >= 500 && !bereq.uncacheable) {
        return (error(beresp.status, beresp.reason));
    }
    # Bytes by their content go by the tags of whom they were fetched for.
    if (bereq.http.X-Matrix-Tag) {
        set beresp.http.Cache-Tag = bereq.http.X-Matrix-Tag;
    }
    # Sent where the gateway tells caches of purges (PURGE_…): a BAN ends it sooner.
    if (beresp.status == 200 && beresp.http.CDN-Cache-Control ~ "max-age=\d+") {
        set beresp.ttl = std.duration(regsub(beresp.http.CDN-Cache-Control, "^.*max-age=(\d+).*$", "\1s"), beresp.ttl);
    }
    # Varnish knows stale-while-revalidate; stale-if-error is for when the gateway is not well.
    if (beresp.http.Cache-Control ~ "stale-if-error=\d+") {
        set beresp.grace = std.duration(regsub(beresp.http.Cache-Control, "^.*stale-if-error=(\d+).*$", "\1s"), 0s);
    } else if (beresp.http.Cache-Control !~ "stale-while-revalidate") {
        set beresp.grace = 0s;
    }
    # To ask with its ETag whether it still holds.
    set beresp.keep = 1d;
    # 202 and whatever else is private or no-store: built-in rules.
}

sub vcl_backend_error {
    set beresp.ttl = 0s;
    set beresp.grace = 0s;
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Retry-After = "5";
    set beresp.http.Content-Type = "text/plain";
    synthetic(beresp.reason + {"
"});
    return (deliver);
}

sub vcl_deliver {
    # Nothing to be had from the gateway: an old copy, where there is one that may stand in.
    if (resp.status >= 500 && req.restarts == 0 && !req.http.Authorization && req.url !~ "\?") {
        set req.http.X-Matrix-Stale = "1";
        return (restart);
    }
    if (resp.http.X-Accel-Redirect) {
        if (resp.http.X-Accel-Redirect !~ "^/_matrix/o/" || req.http.X-Matrix-Inside) {
            return (synth(502));
        }
        set req.http.X-Matrix-Inside = "1";
        set req.http.X-Matrix-Control = resp.http.Matrix-Cache-Control;
        set req.http.X-Matrix-CDN-Control = resp.http.CDN-Cache-Control;
        set req.http.X-Matrix-Vary = resp.http.Vary;
        set req.http.X-Matrix-Tag = resp.http.Cache-Tag;
        set req.http.X-Matrix-Surrogate-Key = resp.http.Surrogate-Key;
        set req.http.X-Matrix-Publication = resp.http.Matrix-Publication;
        set req.http.X-Matrix-Disposition = resp.http.Content-Disposition;
        set req.http.X-Matrix-Referrer = resp.http.Referrer-Policy;
        set req.http.X-Matrix-CSP = resp.http.Content-Security-Policy;
        set req.http.X-Matrix-Origin = resp.http.Access-Control-Allow-Origin;
        set req.http.X-Matrix-Expose = resp.http.Access-Control-Expose-Headers;
        set req.http.X-Matrix-CORP = resp.http.Cross-Origin-Resource-Policy;
        set req.http.X-Matrix-Timing = resp.http.Timing-Allow-Origin;
        set req.url = regsub(resp.http.X-Accel-Redirect, "^/_matrix", "");
        return (restart);
    }
    if (req.http.X-Matrix-Inside) {
        # Of a key that is none any more clients are not to hear.
        if (resp.status == 401 || resp.status == 403) {
            return (synth(502));
        }
        if (resp.status == 200 || resp.status == 206) {
            call say_of_bytes;
        }
    }
    if (obj.uncacheable) {
        set resp.http.X-Cache = "PASS";
    } else if (obj.hits > 0) {
        set resp.http.X-Cache = "HIT";
    } else {
        set resp.http.X-Cache = "MISS";
    }
    unset resp.http.X-Varnish;
    unset resp.http.Via;
}

# What the gateway said of these bytes for this caller, in place of what it said of them as such. What was not said is empty here.
sub say_of_bytes {
    set resp.http.Cache-Control = req.http.X-Matrix-Control;
    set resp.http.CDN-Cache-Control = req.http.X-Matrix-CDN-Control;
    set resp.http.Vary = req.http.X-Matrix-Vary;
    set resp.http.Cache-Tag = req.http.X-Matrix-Tag;
    set resp.http.Surrogate-Key = req.http.X-Matrix-Surrogate-Key;
    set resp.http.Matrix-Publication = req.http.X-Matrix-Publication;
    set resp.http.Content-Disposition = req.http.X-Matrix-Disposition;
    set resp.http.Referrer-Policy = req.http.X-Matrix-Referrer;
    set resp.http.Content-Security-Policy = req.http.X-Matrix-CSP;
    set resp.http.Access-Control-Allow-Origin = req.http.X-Matrix-Origin;
    set resp.http.Access-Control-Expose-Headers = req.http.X-Matrix-Expose;
    set resp.http.Cross-Origin-Resource-Policy = req.http.X-Matrix-CORP;
    set resp.http.Timing-Allow-Origin = req.http.X-Matrix-Timing;
    if (resp.http.CDN-Cache-Control == "") { unset resp.http.CDN-Cache-Control; }
    if (resp.http.Vary == "") { unset resp.http.Vary; }
    if (resp.http.Cache-Tag == "") { unset resp.http.Cache-Tag; }
    if (resp.http.Surrogate-Key == "") { unset resp.http.Surrogate-Key; }
    if (resp.http.Matrix-Publication == "") { unset resp.http.Matrix-Publication; }
    if (resp.http.Content-Disposition == "") { unset resp.http.Content-Disposition; }
    if (resp.http.Referrer-Policy == "") { unset resp.http.Referrer-Policy; }
    if (resp.http.Content-Security-Policy == "") { unset resp.http.Content-Security-Policy; }
    if (resp.http.Access-Control-Allow-Origin == "") { unset resp.http.Access-Control-Allow-Origin; }
    if (resp.http.Access-Control-Expose-Headers == "") { unset resp.http.Access-Control-Expose-Headers; }
    if (resp.http.Cross-Origin-Resource-Policy == "") { unset resp.http.Cross-Origin-Resource-Policy; }
    if (resp.http.Timing-Allow-Origin == "") { unset resp.http.Timing-Allow-Origin; }
}

sub vcl_synth {
    set resp.http.Cache-Control = "no-store";
    if (resp.status == 503) {
        set resp.http.Retry-After = "5";
    }
    set resp.http.Content-Type = "text/plain";
    synthetic(resp.reason + {"
"});
    return (deliver);
}
