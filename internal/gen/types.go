package gen

// logTypes returns the log types, the most frequent first. Records differ as
// real ones do: short and long, flat and nested, English and Japanese.
func logTypes() []logType {
	return []logType{
		{"app.access", []field{
			word("method", "GET", "GET", "GET", "GET", "POST", "POST", "PUT", "DELETE"), paths, status,
			decimal("latency", 400, 900_000), integer("bytes", 120, 90_000), address("ip"), integer("user_id", 1, 400_000),
			hex("request_id", 16),
			object("client", word("os", "iOS", "Android", "Windows", "macOS"), word("version", "5.1.0", "5.2.3", "6.0.1"), flag("app", 60)),
			word("region", regions...),
		}},
		{"nginx.access", []field{
			address("remote"), sometimes(85, word("user", "admin", "ops", "deploy")), paths,
			word("method", "GET", "GET", "GET", "POST", "HEAD"), status, integer("size", 0, 250_000),
			sometimes(40, word("referer", "https://www.example.com/", "https://search.example.net/results?q=ikada")),
			word("agent", agents...), decimal("request_time", 1, 30_000),
			object("upstream", address("addr"), decimal("time", 1, 29_000)),
		}},
		{"app.event", []field{
			word("name", "view", "click", "scroll", "add_to_cart", "purchase", "search"), integer("user_id", 1, 400_000),
			hex("session", 24), word("screen", "ホーム", "検索結果", "商品詳細", "カート", "購入完了", "マイページ"), stamp("client_time"),
			flag("logged_in", 70),
			object("device", word("model", "iPhone17,2", "Pixel 11", "SM-S941B", "Xperia 1 VIII"), integer("battery", 1, 100), decimal("scale", 1000, 4000)),
			list("experiments", "new_nav", "fast_checkout", "dark_mode", "rank_v7"),
			sometimes(30, integer("item_id", 10_000, 99_999)), word("region", regions...),
		}},
		{"app.error", []field{
			word("level", "error", "error", "error", "fatal"),
			word("class", "TimeoutError", "NullPointerException", "ActiveRecord::RecordNotFound", "ConnectionRefused"),
			counted("message", 1, 99_999, "upstream timed out after ms: ", "no row with id ", "接続できませんでした。再試行回数: ", "支払いの確認に失敗しました。注文番号: "),
			hex("trace_id", 32), host, integer("pid", 100, 32_000), flag("handled", 40),
			word("release", "2026.11.1", "2026.11.2", "2026.11.3"),
			object("at", word("file", "app/models/order.rb", "app/services/payment.rb", "lib/client.rb"), integer("line", 3, 800), word("method", "call", "charge!", "find")),
			sometimes(50, integer("user_id", 1, 400_000)),
		}},
		{"api.request", http("endpoint", "/v2/orders", "/v2/items", "/v2/users/me", "/v2/search", "/v2/recommendations")},
		{"auth.login", []field{
			stamp("time"), integer("user_id", 1, 400_000), word("provider", "password", "password", "google", "apple", "line"),
			flag("success", 93), sometimes(93, word("failure", "bad_password", "locked", "otp_mismatch")), address("ip"),
			word("agent", agents...), flag("mfa", 35),
			object("geo", word("country", "JP", "JP", "JP", "US", "TW"), word("city", "東京", "大阪", "名古屋", "福岡", "札幌")),
			decimal("risk", 1, 999),
		}},
		{"queue.job", []field{
			word("queue", "default", "mailers", "low", "critical"),
			word("job", "SendMail", "ResizeImage", "SyncInventory", "ExportReport"), hex("jid", 24), integer("attempt", 1, 5),
			decimal("wait", 1, 60_000), decimal("duration", 3, 120_000), word("state", "done", "done", "done", "retry", "dead"),
			host, object("args", integer("id", 1, 9_999_999), flag("dry_run", 2)),
			sometimes(90, word("error", "timeout", "deadlock detected", "429 Too Many Requests")),
		}},
		{"payment.charge", []field{
			stamp("time"), hex("charge_id", 20), integer("order_id", 1_000_000, 9_999_999), integer("amount", 100, 250_000),
			word("currency", "JPY", "JPY", "JPY", "USD", "EUR"),
			word("method", "card", "card", "convenience_store", "paypay", "bank"), flag("captured", 97),
			sometimes(95, word("decline", "insufficient_funds", "expired_card", "do_not_honor")),
			object("card", word("brand", "visa", "mastercard", "jcb", "amex"), integer("last4", 1000, 9999), word("country", "JP", "US", "GB")),
			decimal("fee", 36, 9_000_000),
		}},
		{"db.slow_query", []field{
			word("database", "shop", "shop_replica", "analytics"), decimal("query_time", 500_000, 90_000_000),
			decimal("lock_time", 1, 9_000), integer("rows_sent", 0, 20_000), integer("rows_examined", 1_000, 90_000_000),
			counted("sql", 1, 400_000, "SELECT * FROM orders JOIN items USING (order_id) WHERE user_id = ", "UPDATE stock SET quantity = quantity - 1 WHERE item_id = "),
			word("user", "app", "batch", "report"), host,
			object("plan", word("type", "ALL", "index", "range"), integer("cost", 100, 900_000)),
		}},
		{"k8s.events", []field{
			word("type", "Normal", "Normal", "Normal", "Warning"),
			word("reason", "Scheduled", "Pulled", "Started", "BackOff", "Unhealthy", "Killing"),
			counted("message", 1, 99, "Successfully assigned prod/web to node-", "Back-off restarting failed container, restart count ", "Readiness probe failed: HTTP probe failed, attempt "),
			word("namespace", "prod", "staging", "kube-system"),
			counted("pod", 10_000, 99_999, "web-7d9f6c5b8-", "worker-5c6f7d8b9-", "cron-"), integer("count", 1, 40),
			object("source", word("component", "kubelet", "scheduler", "controller-manager"), counted("host", 1, 40, "node-")),
			stamp("last_seen"), list("labels", "app=web", "app=worker", "tier=front", "canary"),
		}},
		{"cdn.access", http("uri", "/static/app.js", "/static/app.css", "/images/hero.webp", "/images/logo.svg", "/video/intro.mp4")},
		{"search.query", []field{
			word("q", "スニーカー", "ワイヤレスイヤホン", "冷蔵庫 一人暮らし", "notebook", "rain jacket", "プレゼント 30代 男性"), integer("hits", 0, 9_000),
			decimal("took", 800, 400_000), integer("page", 1, 12), word("sort", "score", "price", "new"),
			integer("user_id", 1, 400_000),
			object("filter", integer("min_price", 0, 5_000), integer("max_price", 5_001, 90_000), flag("in_stock", 80)),
			hex("session", 24), list("facets", "brand", "color", "size", "rating"), flag("fuzzy", 20),
		}},
		{"app.audit", []field{
			stamp("time"), counted("actor", 1, 400, "staff-"),
			word("action", "user.update", "role.grant", "order.refund", "export.create"),
			counted("target", 1, 900_000, "user/", "order/", "report/"), address("ip"), flag("allowed", 98),
			word("reason", "お客様からの依頼", "定期点検", "不正利用の調査", "support ticket"),
			object("change", word("field", "email", "role", "status"), sometimes(20, word("old", "active", "guest")), word("new", "suspended", "staff")),
			hex("signature", 40),
		}},
		{"mail.delivery", []field{
			hex("message_id", 24), counted("to", 1, 400_000, "user+", "member."),
			word("template", "welcome", "order_confirmed", "password_reset", "newsletter"),
			word("status", "delivered", "delivered", "bounced", "deferred"), integer("smtp_code", 250, 252),
			decimal("delay", 100, 900_000), word("subject", "ご注文ありがとうございます", "パスワード再設定のご案内", "Your weekly digest"),
			word("relay", "mx1.example.com", "mx2.example.com"),
			object("size", integer("body", 900, 90_000), integer("attachments", 0, 3)),
		}},
		{"cache.stats", metrics("hits", "misses", "evictions", "keys")},
		{"iot.sensor", metrics("samples", "dropped", "uptime", "signal")},
		{"game.match", []field{
			hex("match_id", 16), word("mode", "ranked", "casual", "event"), integer("duration", 30, 2_400),
			integer("score", -500, 90_000), flag("won", 50), integer("player_id", 1, 2_000_000),
			object("loadout", word("hero", "侍", "忍者", "陰陽師", "archer"), integer("level", 1, 99), decimal("power", 1_000, 99_000)),
			list("badges", "mvp", "first_blood", "pacifist"), word("region", regions...), decimal("rating_change", -30_000, 30_000),
		}},
		{"inventory.change", []field{
			integer("item_id", 10_000, 99_999), counted("sku", 100_000, 999_999, "JP-", "US-"), integer("delta", -40, 40),
			integer("after", 0, 9_000), word("reason", "sale", "return", "stocktake", "transfer"),
			word("warehouse", "東京第一", "大阪南", "福岡", "札幌"), counted("operator", 1, 200, "op-"),
			object("bin", word("aisle", "A", "B", "C", "D"), integer("shelf", 1, 40), integer("slot", 1, 12)), stamp("time"),
			sometimes(60, integer("order_id", 1_000_000, 9_999_999)),
		}},
		{"lb.health", metrics("checks", "failures", "active", "queued")},
		{"dns.query", []field{
			address("client"), counted("name", 1, 900, "cache-", "db-", "api-"), word("type", "A", "AAAA", "CNAME", "SRV"),
			word("rcode", "NOERROR", "NOERROR", "NOERROR", "NXDOMAIN"), decimal("took", 50, 90_000), flag("cached", 70),
			integer("answers", 0, 8), address("server"), object("edns", integer("size", 512, 4_096), flag("dnssec", 15)),
			word("transport", "udp", "udp", "tcp", "https"),
		}},
		{"firewall.deny", []field{
			address("src"), integer("src_port", 1_024, 65_535), address("dst"),
			choice("dst_port", 22, 23, 80, 443, 3306, 3389, 5432, 8080), word("proto", "tcp", "tcp", "udp"),
			counted("rule", 1, 300, "deny-"), integer("bytes", 40, 1_500), word("iface", "eth0", "eth1"),
			object("tcp", flag("syn", 90), flag("ack", 10), integer("window", 0, 65_535)),
			word("country", "JP", "US", "CN", "BR", "DE"),
		}},
		{"batch.report", []field{
			word("job", "nightly_sales", "rebuild_index", "purge_sessions", "billing"), stamp("started"),
			decimal("duration", 1_000, 9_000_000), integer("read", 0, 90_000_000), integer("written", 0, 90_000_000),
			integer("errors", 0, 12), flag("ok", 96), word("note", "正常終了", "一部のデータをスキップしました", "completed with warnings", ""), host,
			object("memory", integer("peak", 1_000_000, 4_000_000_000), integer("limit", 4_000_000_001, 8_000_000_000)),
		}},
		{"chat.message", []field{
			integer("room", 1, 9_000), integer("user_id", 1, 400_000),
			word("text", "おはようございます", "了解です、確認します", "明日の会議は10時からです", "thanks!", "リリースお疲れさまでした 🎉", "see you tomorrow"),
			flag("edited", 5), list("mentions", "@here", "@ops", "@tanaka", "@sato"),
			sometimes(80, integer("reply_to", 1, 99_999_999)), word("client", "ios", "android", "web"),
			object("reactions", integer("count", 0, 9), flag("mine", 10)), hex("message_id", 20), stamp("sent"),
		}},
		{"ad.impression", []field{
			hex("impression_id", 32), integer("campaign", 1, 900), integer("creative", 1, 9_000), decimal("bid", 10, 9_000),
			decimal("price", 10, 8_000), word("slot", "top", "side", "feed", "interstitial"), flag("viewable", 65),
			object("user", hex("id", 16), word("segment", "買い物好き", "旅行", "gamer", "new")),
			word("exchange", "alpha", "beta", "gamma"), sometimes(97, decimal("click_after", 300, 90_000)),
		}},
		{"vpn.session", []field{
			counted("user", 1, 900, "tanaka.", "suzuki.", "smith."), word("event", "connect", "disconnect", "rekey"),
			address("client"), address("assigned"), integer("rx", 0, 9_000_000_000), integer("tx", 0, 900_000_000),
			decimal("duration", 1_000, 90_000_000), word("gateway", "tyo-1", "osa-1", "sin-1"),
			object("cipher", word("name", "AES-256-GCM", "CHACHA20-POLY1305"), integer("bits", 256, 256)), flag("split", 50),
		}},
		{"ci.build", []field{
			counted("build", 1, 90_000, "build-"), word("repo", "web", "api", "mobile", "infra"), hex("commit", 40),
			word("branch", "main", "develop", "feature/検索改善"), word("status", "passed", "passed", "failed", "canceled"),
			decimal("duration", 9_000, 3_600_000), integer("tests", 0, 9_000), integer("failures", 0, 3),
			object("runner", word("os", "linux", "macos"), integer("cpus", 2, 32)), stamp("finished"),
		}},
		{"feature.flag", []field{
			word("flag", "new_checkout", "dark_mode", "rank_v7", "fast_search"), flag("value", 50), integer("user_id", 1, 400_000),
			word("reason", "rule", "percentage", "default"), word("environment", "prod", "staging"),
			counted("sdk", 1, 40, "go-1.", "js-4.", "ruby-8."),
			object("context", word("plan", "free", "pro", "team"), word("locale", "ja", "ja", "en", "zh-TW")),
			hex("evaluation", 24), integer("version", 1, 400), host,
		}},
		{"backup.run", []field{
			word("target", "db", "files", "mail"), stamp("started"), flag("ok", 99), integer("bytes", 1_000_000, 900_000_000_000),
			decimal("ratio", 1_001, 9_000), hex("snapshot", 32), integer("files", 10, 4_000_000),
			sometimes(98, word("error", "disk full", "network unreachable")),
			object("retention", integer("daily", 7, 14), integer("monthly", 6, 12)), host,
		}},
		{"support.ticket", []field{
			integer("ticket", 10_000, 99_999), word("subject", "商品が届きません", "返品したいです", "ログインできない", "領収書について", "Where is my order?"),
			word("priority", "low", "normal", "high"), word("state", "new", "open", "solved"), integer("user_id", 1, 400_000),
			sometimes(40, counted("agent", 1, 60, "agent-")), decimal("first_reply", 1_000, 90_000_000),
			list("labels", "配送", "返金", "account", "bug"),
			object("satisfaction", sometimes(50, integer("score", 1, 5)), flag("surveyed", 50)),
			word("channel", "web", "mail", "電話"),
		}},
		{"deploy.audit", []field{
			word("service", "web", "api", "worker", "search"), counted("version", 1_000, 9_999, "2026.11."),
			word("stage", "canary", "rollout", "complete", "rollback"), counted("by", 1, 60, "dev-"), integer("instances", 1, 200),
			flag("approved", 99), object("health", decimal("error_rate", 1, 20_000), decimal("p99", 9_000, 900_000)), stamp("time"),
			sometimes(90, word("note", "緊急修正", "hotfix")), hex("commit", 40),
		}},
	}
}

var (
	regions = []string{"ap-northeast-1", "ap-northeast-1", "ap-northeast-3", "us-west-2", "eu-central-1"}
	agents  = []string{"Mozilla/5.0 (iPhone; CPU iPhone OS 20_1 like Mac OS X)", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "curl/8.14.1", "okhttp/5.1.0"}
	host    = counted("host", 1, 48, "web-", "api-", "batch-")
	status  = choice("status", 200, 200, 200, 200, 200, 200, 200, 201, 204, 302, 304, 404, 500, 503)
	paths   = word("path", "/", "/", "/", "/items", "/items", "/items/ranking", "/cart", "/cart/confirm", "/search", "/search/suggest", "/login", "/users/me", "/orders", "/help/配送について")
)

// http is a request log with its path under a name of its own.
func http(path string, values ...string) []field {
	return []field{
		stamp("time"), word(path, values...), status, decimal("duration", 200, 600_000), integer("bytes", 100, 900_000),
		address("ip"), word("cache", "hit", "hit", "miss", "bypass"), hex("request_id", 16),
		object("tls", word("version", "1.3", "1.3", "1.2"), flag("resumed", 60)), word("region", regions...),
		sometimes(70, integer("user_id", 1, 400_000)),
	}
}

// metrics is a periodic report with four counts.
func metrics(a, b, c, d string) []field {
	return []field{
		host, integer(a, 0, 9_000_000), integer(b, 0, 90_000), integer(c, 0, 90_000), integer(d, 0, 9_000),
		decimal("cpu", 1, 99_999), decimal("load", 1, 48_000), flag("ok", 99), word("region", regions...),
		object("memory", integer("used", 1_000_000, 16_000_000_000), decimal("percent", 1, 99_999)), stamp("time"),
	}
}
