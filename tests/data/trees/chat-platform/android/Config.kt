package com.plum.chat
object Config {
    const val MODEL_ID = "plum/mobile-chat"
    const val MODEL_URL = "https://huggingface.co/plum/mobile-chat/resolve/v2/model.task"
    const val MIME = "application/octet-stream"
    val path = "assets/models"
}
