"""A belt with a camera, the real daemon and reject gates of their own: does a bad part ever get past?"""
