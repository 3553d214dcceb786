"""Examples of sign-in, validated against the schemas by a contract test."""

SIGN_IN = {"username": "admin", "password": "首次启动时打印的密码"}

PASSWORD_CHANGE = {"current": "现在的密码", "new": "至少十个字符的新密码"}

SESSION = {
    "user": {
        "username": "admin",
        "display_name": "管理员",
        "role": "admin",
        "teams": [],
        "agent": None,
        "scopes": ["admin", "read", "write"],
    }
}
