//! What the world looks like: cities with their country and time zone, sites, and user agents.

/// City, country, IANA zone.
const CITIES: [(&str, &str, &str); 40] = [
    ("Amsterdam", "NL", "Europe/Amsterdam"),
    ("Barcelona", "ES", "Europe/Madrid"),
    ("Bengaluru", "IN", "Asia/Kolkata"),
    ("Berlin", "DE", "Europe/Berlin"),
    ("Boston", "US", "America/New_York"),
    ("Buenos Aires", "AR", "America/Argentina/Buenos_Aires"),
    ("Chicago", "US", "America/Chicago"),
    ("Denver", "US", "America/Denver"),
    ("Dublin", "IE", "Europe/Dublin"),
    ("Houston", "US", "America/Chicago"),
    ("Istanbul", "TR", "Europe/Istanbul"),
    ("Johannesburg", "ZA", "Africa/Johannesburg"),
    ("Lagos", "NG", "Africa/Lagos"),
    ("London", "GB", "Europe/London"),
    ("Los Angeles", "US", "America/Los_Angeles"),
    ("Lyon", "FR", "Europe/Paris"),
    ("Madrid", "ES", "Europe/Madrid"),
    ("Manchester", "GB", "Europe/London"),
    ("Mexico City", "MX", "America/Mexico_City"),
    ("Milan", "IT", "Europe/Rome"),
    ("Montréal", "CA", "America/Toronto"),
    ("Mumbai", "IN", "Asia/Kolkata"),
    ("Munich", "DE", "Europe/Berlin"),
    ("New York", "US", "America/New_York"),
    ("Paris", "FR", "Europe/Paris"),
    ("Phoenix", "US", "America/Phoenix"),
    ("Rio de Janeiro", "BR", "America/Sao_Paulo"),
    ("Rome", "IT", "Europe/Rome"),
    ("Santiago", "CL", "America/Santiago"),
    ("São Paulo", "BR", "America/Sao_Paulo"),
    ("Seattle", "US", "America/Los_Angeles"),
    ("Seoul", "KR", "Asia/Seoul"),
    ("Singapore", "SG", "Asia/Singapore"),
    ("Stockholm", "SE", "Europe/Stockholm"),
    ("Sydney", "AU", "Australia/Sydney"),
    ("Tokyo", "JP", "Asia/Tokyo"),
    ("Toronto", "CA", "America/Toronto"),
    ("Vancouver", "CA", "America/Vancouver"),
    ("Warsaw", "PL", "Europe/Warsaw"),
    ("Zürich", "CH", "Europe/Zurich"),
];

/// Whether a city lies in that country and keeps that time.
pub(crate) fn is_place(country: &str, city: &str, timezone: &str) -> bool {
    CITIES.contains(&(city, country, timezone))
}

/// Whether a user agent is what such a browser on such a device calls itself.
pub(crate) fn is_agent(kind: &str, os: &str, browser: &str, agent: &str) -> bool {
    let system = match (kind, os) {
        ("desktop", "Windows") => agent.contains("Windows NT") && !agent.contains("Mobile"),
        ("mobile", "iOS") => agent.contains("iPhone"),
        ("tablet", "iOS") => agent.contains("iPad"),
        ("mobile", "Android") => agent.contains("Android") && agent.contains("Mobile"),
        ("tablet", "Android") => agent.contains("Android") && !agent.contains("Mobile"),
        _ => false,
    };
    let brand = match (os, browser) {
        ("iOS", "Safari") => agent.contains("Version/"),
        ("iOS", "Chrome") => agent.contains("CriOS/"),
        ("iOS", "Firefox") => agent.contains("FxiOS/"),
        ("Windows" | "Android", "Chrome") => agent.contains(" Chrome/"),
        ("Windows" | "Android", "Firefox") => agent.contains(" Firefox/"),
        // Safari is Apple's.
        _ => false,
    };
    system && brand && agent.starts_with("Mozilla/5.0 (")
}

/// Whether it is a site outside the shop, or no site at all.
pub(crate) fn is_outside(referrer: &str) -> bool {
    referrer.is_empty() || referrer.starts_with("https://")
}
