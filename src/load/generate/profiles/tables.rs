//! Cities and devices.

/// City, country, time zone, weight.
pub(super) const CITIES: [(&str, &str, &str, f64); 40] = [
    ("New York", "US", "America/New_York", 9.0),
    ("Los Angeles", "US", "America/Los_Angeles", 7.0),
    ("Chicago", "US", "America/Chicago", 5.0),
    ("Houston", "US", "America/Chicago", 3.0),
    ("Phoenix", "US", "America/Phoenix", 2.0),
    ("Denver", "US", "America/Denver", 2.0),
    ("Seattle", "US", "America/Los_Angeles", 3.0),
    ("Boston", "US", "America/New_York", 3.0),
    ("Toronto", "CA", "America/Toronto", 3.0),
    ("Vancouver", "CA", "America/Vancouver", 2.0),
    ("Montréal", "CA", "America/Toronto", 1.5),
    ("Mexico City", "MX", "America/Mexico_City", 3.0),
    ("São Paulo", "BR", "America/Sao_Paulo", 4.0),
    ("Rio de Janeiro", "BR", "America/Sao_Paulo", 2.0),
    ("Buenos Aires", "AR", "America/Argentina/Buenos_Aires", 2.0),
    ("Santiago", "CL", "America/Santiago", 1.0),
    ("London", "GB", "Europe/London", 6.0),
    ("Manchester", "GB", "Europe/London", 2.0),
    ("Dublin", "IE", "Europe/Dublin", 1.0),
    ("Paris", "FR", "Europe/Paris", 4.0),
    ("Lyon", "FR", "Europe/Paris", 1.5),
    ("Berlin", "DE", "Europe/Berlin", 4.0),
    ("Munich", "DE", "Europe/Berlin", 3.0),
    ("Zürich", "CH", "Europe/Zurich", 1.0),
    ("Amsterdam", "NL", "Europe/Amsterdam", 2.0),
    ("Madrid", "ES", "Europe/Madrid", 3.0),
    ("Barcelona", "ES", "Europe/Madrid", 2.0),
    ("Rome", "IT", "Europe/Rome", 2.0),
    ("Milan", "IT", "Europe/Rome", 2.0),
    ("Stockholm", "SE", "Europe/Stockholm", 1.5),
    ("Warsaw", "PL", "Europe/Warsaw", 2.0),
    ("Istanbul", "TR", "Europe/Istanbul", 2.0),
    ("Lagos", "NG", "Africa/Lagos", 1.5),
    ("Johannesburg", "ZA", "Africa/Johannesburg", 1.5),
    ("Mumbai", "IN", "Asia/Kolkata", 5.0),
    ("Bengaluru", "IN", "Asia/Kolkata", 4.0),
    ("Singapore", "SG", "Asia/Singapore", 2.0),
    ("Tokyo", "JP", "Asia/Tokyo", 5.0),
    ("Seoul", "KR", "Asia/Seoul", 3.0),
    ("Sydney", "AU", "Australia/Sydney", 3.0),
];

/// Device type, system, browser, user agent, weight. The systems and browsers are the
/// specification's; Safari runs on iOS only, and every browser names its system.
pub(super) const AGENTS: [(&str, &str, &str, &str, f64); 18] = [
    (
        "desktop",
        "Windows",
        "Chrome",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
        22.0,
    ),
    (
        "desktop",
        "Windows",
        "Chrome",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        10.0,
    ),
    (
        "desktop",
        "Windows",
        "Chrome",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
        3.0,
    ),
    (
        "desktop",
        "Windows",
        "Firefox",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) \
         Gecko/20100101 Firefox/145.0",
        6.0,
    ),
    (
        "desktop",
        "Windows",
        "Firefox",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) \
         Gecko/20100101 Firefox/140.0",
        3.0,
    ),
    (
        "mobile",
        "iOS",
        "Safari",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        14.0,
    ),
    (
        "mobile",
        "iOS",
        "Safari",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
        5.0,
    ),
    (
        "mobile",
        "iOS",
        "Chrome",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/143.0.0.0 Mobile/15E148 Safari/604.1",
        3.0,
    ),
    (
        "mobile",
        "iOS",
        "Firefox",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15",
        1.0,
    ),
    (
        "mobile",
        "Android",
        "Chrome",
        "Mozilla/5.0 (Linux; Android 10; K) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
        16.0,
    ),
    (
        "mobile",
        "Android",
        "Chrome",
        "Mozilla/5.0 (Linux; Android 10; K) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
        6.0,
    ),
    (
        "mobile",
        "Android",
        "Firefox",
        "Mozilla/5.0 (Android 15; Mobile; rv:145.0) \
         Gecko/145.0 Firefox/145.0",
        1.5,
    ),
    (
        "mobile",
        "Android",
        "Firefox",
        "Mozilla/5.0 (Android 14; Mobile; rv:144.0) \
         Gecko/144.0 Firefox/144.0",
        0.5,
    ),
    (
        "tablet",
        "iOS",
        "Safari",
        "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        4.0,
    ),
    (
        "tablet",
        "iOS",
        "Chrome",
        "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/143.0.0.0 Mobile/15E148 Safari/604.1",
        1.0,
    ),
    (
        "tablet",
        "iOS",
        "Firefox",
        "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15",
        0.5,
    ),
    (
        "tablet",
        "Android",
        "Chrome",
        "Mozilla/5.0 (Linux; Android 10; K) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
        3.0,
    ),
    (
        "tablet",
        "Android",
        "Firefox",
        "Mozilla/5.0 (Android 15; Tablet; rv:145.0) \
         Gecko/145.0 Firefox/145.0",
        0.5,
    ),
];
