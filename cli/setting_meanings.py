"""What each setting means, in Chinese, for the reference page; `core.settings` has the English."""

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "TINGJIAN_DATA_DIR": "数据目录：数据库、录音、权重",
    "TINGJIAN_DATABASE_URL": "PostgreSQL 地址；空 = 用数据目录里自带的 PostgreSQL",
    "TINGJIAN_STORAGE_URL": "存放录音的对象存储（s3://bucket/prefix）；空 = 数据目录",
    "TINGJIAN_ADMIN_PASSWORD": "第一个管理员的密码，不会被打印；空 = 随机生成，显示一次",
    "TINGJIAN_OFFLINE": "绝不为获取权重打开网络连接",
    "TINGJIAN_LOG_LEVEL": "日志级别：debug、info、warning、error",
    "TINGJIAN_LOG_FORMAT": "日志格式：text 给人看，json 给采集程序",
    "TINGJIAN_ASR__ENGINE": (
        "识别引擎：faster-whisper，或 sherpa（权重为 Paraformer 或 SenseVoice 目录）"
    ),
    "TINGJIAN_ASR__WEIGHTS": "权重：名称、模型库名称，或 CTranslate2 目录",
    "TINGJIAN_ASR__DEVICE": "推理设备：auto、cpu、cuda",
    "TINGJIAN_ASR__COMPUTE_TYPE": "CTranslate2 计算类型；auto = CPU 上 int8，CUDA 上 float16",
    "TINGJIAN_ASR__CPU_THREADS": (
        "CPU 推理线程数，每个线程各做各的窗口（超过 8 个时几个线程做一个）；0 = 全部核心"
    ),
    "TINGJIAN_ASR__BATCH_SIZE": "每批最多解码几个窗口；0 = CPU 上 8，CUDA 上按空闲显存",
    "TINGJIAN_ASR__BEAM_SIZE": "解码的束宽",
    "TINGJIAN_ASR__PROFILE": (
        "fast = 识别一遍，只对没有得到文字的部分再试；"
        "best = 置信度低的片段各自单独、用宽束再识别一次"
    ),
    "TINGJIAN_ASR__DIARIZATION": "装有相应组件时，区分单声道通话里的说话人",
    "TINGJIAN_ASR__CHANNELS": "默认的声道角色，按声道顺序",
    "TINGJIAN_ASR__MAX_DURATION_S": "接收的最长录音（秒）",
    "TINGJIAN_NLP__ENCODER": "语义编码器：use（自带），或 Hugging Face 名称、目录",
    "TINGJIAN_API__HOST": "监听地址",
    "TINGJIAN_API__PORT": "监听端口；0 = 任一空闲端口",
    "TINGJIAN_API__PUBLIC_URL": "他人访问本服务的地址，用于 webhook 里的链接",
    "TINGJIAN_API__MAX_UPLOAD_MB": "单个录音的最大体积（MB）",
    "TINGJIAN_API__SESSION_HOURS": "一次登录的有效小时数",
    "TINGJIAN_API__SECURE_COOKIES": "Cookie 只经 HTTPS 发送",
    "TINGJIAN_WORKER__HEARTBEAT_S": "心跳间隔（秒）",
    "TINGJIAN_WORKER__STALLED_AFTER_S": "worker 无声多少秒后视为已死，其任务由别的 worker 重做",
    "TINGJIAN_WORKER__MAX_ATTEMPTS": "可重试的失败最多尝试几次",
    "TINGJIAN_WORKER__RETRY_BASE_S": "失败的步骤再试前的等待（秒），逐次乘四",
    "TINGJIAN_WORKER__SHUTDOWN_S": "停止 worker 时，正在做的任务有几秒收尾",
    "TINGJIAN_WORKER__TRANSCRIBE_CONCURRENCY": (
        "每个 worker 同时识别几通；2 让 GPU 在下一通解码时不空闲，CPU 上适合很短的通话"
    ),
    "TINGJIAN_WORKER__ANALYZE_CONCURRENCY": "每个 worker 同时分析几通",
    "TINGJIAN_WORKER__RECYCLE_AUDIO_HOURS": (
        "worker 处理这么多小时的录音后退出，由守护重新启动；0 = 不退出"
    ),
    "TINGJIAN_WORKER__RECYCLE_MEMORY_MB": (
        "内存超过这个数（MB）时，worker 在两通之间退出；0 = 不限"
    ),
    "TINGJIAN_WEBHOOK__TIMEOUT_S": "等待接收方应答的秒数",
    "TINGJIAN_WEBHOOK__MAX_ATTEMPTS": "放弃之前推送几次",
    "TINGJIAN_WEBHOOK__RETRY_BASE_S": "第一次重试前的等待（秒），逐次乘四",
    "TINGJIAN_WEBHOOK__ALLOW_PRIVATE": "允许接收方在本机与内网地址",
    "TINGJIAN_JUDGE__BASE_URL": (
        "兼容 OpenAI 接口的语言模型地址，通常以 /v1 结尾；空 = 不用语言模型，judge 问题保持未答"
    ),
    "TINGJIAN_JUDGE__API_KEY": "该地址的密钥，不会被打印",
    "TINGJIAN_JUDGE__MODEL": "该地址上的模型名",
    "TINGJIAN_JUDGE__RESPONSE_FORMAT": "如何要求返回 JSON：json_schema、json_object、none",
    "TINGJIAN_JUDGE__TIMEOUT_S": "等待一次完整回答的秒数",
    "TINGJIAN_JUDGE__MAX_ATTEMPTS": "一通通话的问题最多尝试几次，之后记为未答",
    "TINGJIAN_JUDGE__RETRY_BASE_S": "首次重试前的等待（秒），逐次乘四",
    "TINGJIAN_JUDGE__MAX_REQUESTS_PER_CALL": "每通通话最多请求几次，超出的问题记为未答",
    "TINGJIAN_JUDGE__MAX_QUESTIONS_PER_REQUEST": "每次请求最多问几个问题",
    "TINGJIAN_JUDGE__MAX_INPUT_CHARS": "每次请求最多带多少字的转写，更长的通话分段",
    "TINGJIAN_JUDGE__MAX_OUTPUT_TOKENS": "回答的最大长度（token）",
    "TINGJIAN_REVIEW__LOCK_MINUTES": "领取的复核多少分钟没有判定后，别人可以接手",
    "TINGJIAN_REVIEW__APPEAL_DAYS": "复核之后坐席有几天可以申诉；过期即为终审",
}
"""Variable -> one phrase. A test keeps it complete."""
